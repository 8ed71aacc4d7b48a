import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A repository of the fake hub; `status` answers every question about it with that error instead. */
export interface FakeRepository {
  readonly commit: string;
  readonly files: Record<string, Buffer>;
  readonly status?: number;
  /** As the hub does for gated models: the list of files is public, their contents are not. */
  readonly gated?: boolean;
  /** A file whose last byte is wrong when it is fetched. */
  readonly damaged?: string;
  /** A file that goes on and on when it is fetched. */
  readonly endless?: string;
  /** What the list says of all files, whatever they are. */
  readonly listed?: object;
  /** The address at which the list of files goes on, or `again`: at its own. */
  readonly next?: string;
}

/** A local server that answers what huggingface.co answers for the requests of its clients. */
export class FakeHub {
  readonly repositories = new Map<string, FakeRepository>();
  /** `METHOD path` of every request, without the query. */
  readonly requests: string[] = [];
  /** How many bytes of endless files were taken. */
  sent = 0;
  /** The `Authorization` headers that came. */
  readonly authorizations = new Set<string>();
  private readonly server = createServer((request, response) => this.answer(request, response));

  async open(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }

  private answer(request: IncomingMessage, response: ServerResponse) {
    const path = decodeURIComponent(new URL(request.url!, 'http://hub').pathname);
    this.requests.push(`${request.method} ${path}`);
    if (request.headers.authorization) this.authorizations.add(request.headers.authorization);
    const [, api, id, verb, revision, file] =
      /^\/(api\/models\/)?([^/]+\/[^/]+)\/(revision|tree|resolve)\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    const repository = this.repositories.get(id!);
    if (!repository) return fail(response, 401, 'RepoNotFound', 'Repository not found');
    if (repository.status) return fail(response, repository.status, 'Other', 'Sorry');
    if (revision !== 'main' && revision !== repository.commit) {
      return fail(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    }
    if (api && verb === 'revision') {
      return json(response, { _id: '1', id, sha: repository.commit, private: false, lastModified: '2024-01-01' });
    }
    const next = repository.next === 'again' ? `http://${request.headers.host}${request.url}` : repository.next;
    if (next) response.setHeader('Link', `<${next}>; rel="next"`);
    if (api)
      return json(
        response,
        Object.entries(repository.files).map((file) => ({ ...describe(file), ...repository.listed })),
      );
    const contents = repository.files[file!];
    if (!contents) return fail(response, 404, 'EntryNotFound', 'Entry not found');
    if (repository.gated) return fail(response, 403, 'GatedRepo', `Access to model ${id} is restricted`);
    const { oid } = describe([file!, contents]);
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const start = range ? Number(range[1]) : 0;
    const end = range?.[2] ? Number(range[2]) + 1 : contents.length;
    if (file === repository.endless && request.method === 'GET' && !(range && end - start < contents.length)) {
      response.writeHead(200, { ETag: `"${oid}"`, 'X-Repo-Commit': repository.commit });
      return this.goOn(response);
    }
    response.writeHead(range ? 206 : 200, {
      ETag: `"${oid}"`,
      'X-Repo-Commit': repository.commit,
      'Content-Length': end - start,
      ...(range ? { 'Content-Range': `bytes ${start}-${end - 1}/${contents.length}` } : {}),
    });
    const sent = Buffer.from(contents.subarray(start, end));
    if (file === repository.damaged) sent[sent.length - 1]! ^= 1;
    response.end(sent);
  }

  private goOn(response: ServerResponse): void {
    const piece = Buffer.alloc(2 ** 16);
    while (!response.destroyed && response.write(piece)) this.sent += piece.length;
    if (!response.destroyed) response.once('drain', () => this.goOn(response));
  }
}

/** An entry of the hub's tree: large files and binary ones are kept by their SHA-256 beside Git. */
function describe([path, contents]: [string, Buffer]) {
  const git = createHash('sha1').update(`blob ${contents.length}\0`).update(contents).digest('hex');
  const entry = { type: 'file', path, size: contents.length, oid: git };
  if (!path.includes('.onnx')) return entry;
  const oid = createHash('sha256').update(contents).digest('hex');
  return { ...entry, oid, lfs: { oid, size: contents.length, pointerSize: 130 } };
}

function json(response: ServerResponse, data: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(data));
}

function fail(response: ServerResponse, status: number, code: string, error: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'X-Error-Code': code });
  response.end(JSON.stringify({ error }));
}
