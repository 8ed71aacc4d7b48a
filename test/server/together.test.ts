import { execFileSync } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { createServer, type IncomingMessage, request as overHttp, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import {
  answerToBytes,
  FRAME_TYPE,
  RemoteBackend,
  requestFromBytes,
  requestToBytes,
  save,
  type Tensor,
} from 'onnsight';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PARTS_TYPE, type Part, PartReader, partToBytes } from '../../runtime/requests/parts.ts';
import { damageBytes } from '../fuzz/inputs/damage.ts';
import { Random } from '../fuzz/inputs/random.ts';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { Asked, BARE } from './asked.ts';

// Here and there in the same pieces, however often a block has run: the last bits of other ways differ.
process.env.ONNSIGHT_SEGMENTS ??= 'layers';
const lm = await loadToy();
const { clean } = reference.prompts;
const factors = Array.from({ length: 24 }, (_, i) => i / 24);
let asked: Asked;
let backend: RemoteBackend;
let posts = 0;

beforeAll(async () => {
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage };
    if (request.method === 'POST') posts++;
  });
  asked = await Asked.start({
    models: ['toy=models/toy-gpt2'],
    limits: { requests: 1e6, jobs: 1e4, waiting: 1e4, time: 10, iterations: 1e9, nodes: 50 },
  });
  backend = new RemoteBackend(asked.server.url);
}, 60_000);
afterAll(() => asked.server.close());

const scaled = (factor: number, options: object) =>
  lm.trace(
    clean,
    () => {
      lm.transformer.h[1].output *= factor;
      return save(lm.lm_head.output['0, -1']);
    },
    options,
  );
/** It goes on until a limit. */
const long = (options: object) =>
  lm.trace(
    clean,
    () => {
      let x = lm.transformer.h[0].output.norm();
      while (x > 0) x = x * 0.5 + 1;
      return save(x);
    },
    options,
  );
const bits = ({ data }: Pick<Tensor, 'data'>) => Buffer.from(Float64Array.from(data, Number).buffer).toString('hex');
const locals = await Promise.all(factors.map((factor) => scaled(factor, {})));
const here = locals.map(bits);
const dispatched = async () =>
  (await (await fetch(`${asked.server.url}/metrics`)).text()).match(/^onnsight_jobs_total.*$/gm);

describe('traces that are asked for at once', () => {
  it('go together, and give what they give here, to the bit', async () => {
    posts = 0;
    const there = await Promise.all(factors.map(async (factor) => bits(await scaled(factor, { backend }))));
    expect(there).toEqual(here);
    expect(posts).toBeLessThan(factors.length / 2);
  });

  it('so do those of several backends of one server', async () => {
    posts = 0;
    const backends = factors.map(() => new RemoteBackend(asked.server.url));
    const there = await Promise.all(
      factors.map(async (factor, i) => bits(await scaled(factor, { backend: backends[i] }))),
    );
    expect(there).toEqual(here);
    expect(posts).toBeLessThan(factors.length / 2);
  });

  it('one that is refused is refused alone, at its line', async () => {
    const refused = lm.trace(
      clean,
      () => {
        let x = lm.transformer.h[0].output;
        for (let i = 0; i < 60; i++) x = x + 1;
        return save(x.norm());
      },
      { backend },
    );
    const said = expect(refused).rejects.toThrow(/refused the trace: .*nodes/);
    const there = await Promise.all(factors.map(async (factor) => bits(await scaled(factor, { backend }))));
    await said;
    expect(there).toEqual(here);
  });

  it('those that are like none before have each its own answer, and so have those behind them', async () => {
    const added = (count: number, options: object) =>
      lm.trace(
        clean,
        () => {
          let x = lm.lm_head.output['0, -1'];
          for (let i = 0; i < count; i++) x = x + 1;
          return save(x);
        },
        options,
      );
    const both = (options: object) =>
      Promise.all(factors.flatMap((factor, i) => [scaled(factor, options), added((i % 12) + 1, options)]));
    // Where they are handed over together, as small ones have run before.
    await Promise.all(factors.map((factor) => scaled(factor, { backend })));
    const [there, local] = [await both({ backend }), await both({})];
    for (const [i, { dims, data }] of local.entries()) {
      expectClose(there[i]!, { dims, data: Array.from(data, Number) } as never);
    }
  });

  it('one that takes too long ends alone, and those behind it are answered', async () => {
    const before = factors.slice(0, 8).map(async (factor) => bits(await scaled(factor, { backend })));
    const said = expect(long({ backend })).rejects.toThrow(/refused the trace: It takes longer than 10 s/);
    const behind = factors.slice(8).map(async (factor) => bits(await scaled(factor, { backend })));
    expect(await Promise.all([...before, ...behind])).toEqual(here);
    await said;
  });

  it('a process that ends under several: each runs again, and is answered right, or in words', async () => {
    const all = Array.from({ length: 8 }, () => factors).flat();
    let answered = 0;
    const settled = all.map(async (factor) => {
      const answer = await scaled(factor, { backend });
      answered++;
      return answer;
    });
    const ended = Promise.allSettled(settled);
    await vi.waitFor(() => expect(answered).toBeGreaterThan(0), { interval: 1, timeout: 20_000 });
    const pid = execFileSync('pgrep', ['-P', `${process.pid}`, '-f', 'model-process-main'], { encoding: 'utf8' });
    process.kill(Number(pid), 'SIGKILL');
    expect(answered).toBeLessThan(all.length);
    for (const [i, one] of (await ended).entries()) {
      if (one.status === 'rejected') expect(one.reason.message).toMatch(/has ended the process/);
      // A process that has just begun runs the model in other pieces, whose last bits may differ.
      else {
        const { dims, data } = locals[i % factors.length]!;
        expectClose(one.value, { dims, data: Array.from(data, Number) } as never);
      }
    }
    expect(answered).toBeGreaterThanOrEqual(all.length - 1);
  });

  it('one that is given up is given up alone', async () => {
    const abort = new AbortController();
    const given = expect(scaled(0.3, { backend, signal: abort.signal })).rejects.toThrow('enough');
    const others = factors.map(async (factor) => bits(await scaled(factor, { backend })));
    setImmediate(() => setImmediate(() => abort.abort(new Error('enough'))));
    expect(await Promise.all(others)).toEqual(here);
    await given;
  });

  it('each counts as a request of its user', async () => {
    const few = await Asked.start({ models: ['toy=models/toy-gpt2'], limits: { requests: 10 } });
    // The list of models was the first one.
    const traces = factors.map((factor) => scaled(factor, { backend: new RemoteBackend(few.server.url) }));
    const settled = await Promise.allSettled(traces);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(9);
    for (const one of settled) {
      if (one.status === 'rejected') expect(one.reason.message).toMatch(/More than 10 requests in a minute/);
    }
    await few.server.close();
  });
});

describe('between client and server', () => {
  /** What stands between them: it may answer itself. */
  const between = async (onPost: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void) => {
    const proxy = createServer(async (request, response) => onPost(request, response, await buffer(request))).listen(0);
    await vi.waitFor(() => expect(proxy.listening).toBe(true));
    const url = `http://localhost:${(proxy.address() as { port: number }).port}`;
    return { backend: new RemoteBackend(url), close: () => proxy.close() };
  };
  const forward = ({ method, url, headers }: IncomingMessage, body: Buffer, heard: (from: IncomingMessage) => void) =>
    overHttp(`${asked.server.url}${url}`, { method: method!, headers: headers as never }, heard).end(body);

  it('a connection that breaks in the middle of the answers: nothing runs twice', async () => {
    const before = await dispatched();
    const count = (lines: RegExpMatchArray | null) => Number(/"completed"\} (\d+)/.exec(String(lines))![1]);
    let broken = 0;
    const proxy = await between((request, response, body) => {
      forward(request, body, (from) => {
        response.writeHead(from.statusCode!, from.headers as never);
        const isParts = from.headers['content-type'] === PARTS_TYPE;
        if (!isParts) return void from.pipe(response);
        broken++;
        from.once('data', (piece: Buffer) => response.write(piece.subarray(0, -7), () => response.destroy()));
      });
    });
    const there = await Promise.all(
      factors.map(async (factor) => bits(await scaled(factor, { backend: proxy.backend }))),
    );
    expect(there).toEqual(here);
    expect(broken).toBeGreaterThan(0);
    expect(count(await dispatched()) - count(before)).toBe(factors.length);
    proxy.close();
  });

  it.each([415, 400, 404, 413, 500, 200])('a server that answers %d is asked for each by itself', async (status) => {
    let wrong = 0;
    const proxy = await between(async (request, response, body) => {
      if (request.headers['content-type'] === PARTS_TYPE) {
        wrong++;
        response.writeHead(status, { 'content-type': 'application/json' }).end('{ "error": "no" }');
        return;
      }
      const answer = await lm.execute(requestFromBytes(body));
      response.writeHead(200, { 'content-type': FRAME_TYPE }).end(answerToBytes(answer));
    });
    const all = () =>
      Promise.all(factors.slice(0, 4).map(async (factor) => bits(await scaled(factor, { backend: proxy.backend }))));
    expect(await all()).toEqual(here.slice(0, 4));
    expect(await all()).toEqual(here.slice(0, 4));
    expect(wrong).toBe(status === 413 ? 2 : 1);
    proxy.close();
  });

  it('a server that is busy says so to all of them, and is not asked again', async () => {
    let times = 0;
    const proxy = await between((_, response) => {
      times++;
      response.writeHead(503, { 'content-type': 'application/json' }).end('{ "error": "It is busy." }');
    });
    const settled = await Promise.allSettled(factors.map((factor) => scaled(factor, { backend: proxy.backend })));
    for (const one of settled) expect((one as PromiseRejectedResult).reason.message).toMatch(/It is busy\./);
    expect(times).toBe(1);
    proxy.close();
  });

  it('an answer that is longer than its trace is not read', async () => {
    const proxy = await between(async (request, response, body) => {
      if (request.headers['content-type'] !== PARTS_TYPE) {
        const answer = await lm.execute(requestFromBytes(body));
        response.writeHead(200, { 'content-type': FRAME_TYPE }).end(answerToBytes(answer));
        return;
      }
      response.writeHead(200, { 'content-type': PARTS_TYPE });
      const [first] = new PartReader().read(body);
      const { id } = first!.head as { id: string };
      response.end(partToBytes({ head: { id, status: 200, type: FRAME_TYPE }, body: Buffer.alloc(2 ** 20) }));
    });
    const settled = await Promise.allSettled(
      factors.slice(0, 2).map((factor) => scaled(factor, { backend: proxy.backend })),
    );
    expect((settled[0] as PromiseRejectedResult).reason.message).toMatch(
      /gave a wrong answer: it has more than \d+ bytes/,
    );
    expect(bits((settled[1] as PromiseFulfilledResult<Tensor>).value)).toBe(here[1]);
    proxy.close();
  });
});

describe('several traces of whoever writes them', () => {
  const post = async (body: Uint8Array) => {
    const response = await fetch(`${asked.server.url}/traces`, {
      method: 'POST',
      headers: { 'content-type': PARTS_TYPE },
      body: body as Uint8Array<ArrayBuffer>,
    });
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  };
  const frames = async (): Promise<Part[]> => {
    const made: Part[] = [];
    const noting = {
      async run(request: Parameters<typeof requestToBytes>[0]) {
        const head = { id: `part-${made.length}-${Math.random()}`, model: request.model.hash };
        made.push({ head, body: requestToBytes(request) });
        return request.graph.saves.map(() => undefined);
      },
    };
    for (const factor of factors.slice(0, 3)) await scaled(factor, { backend: noting });
    return made;
  };

  it.each<[string, () => Uint8Array | Promise<Uint8Array>, RegExp]>([
    ['none', () => Buffer.alloc(0), /These are no traces|1 to 256 traces, and this one 0/],
    ['half a part', async () => partToBytes((await frames())[0]!).subarray(0, 300), /it ends within a part/],
    ['a head that is no JSON', () => Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0x7b]), /the head of a part is not JSON/],
    ['a head that is too long', () => Buffer.alloc(8, 0xff), /the head of a part has 4294967295 bytes/],
    ['no id', () => partToBytes({ head: { model: 'x' }, body: Buffer.alloc(1) }), /no id and model/],
    [
      'too many',
      () => Buffer.concat(Array(300).fill(partToBytes({ head: { id: 'a', model: 'x' }, body: Buffer.alloc(1) }))),
      /1 to 256 traces, and this one 300/,
    ],
  ])('%s: refused in words', async (_, make, says) => {
    const { status, bytes } = await post(await make());
    expect([status, JSON.parse(String(bytes)).error]).toEqual([400, expect.stringMatching(says)]);
  });

  it('each has an answer: one of a strange id, one of another model, one that is none', async () => {
    const [first, second] = await frames();
    const { model } = first!.head as { model: string };
    const heads = [
      first!.head,
      { id: '../x', model },
      { id: 'other', model: 'x' },
      { id: 'nothing', model },
      second!.head,
    ];
    const bodies = [first!.body, first!.body, first!.body, Buffer.from('nothing'), second!.body];
    const { bytes } = await post(Buffer.concat(heads.map((head, i) => partToBytes({ head, body: bodies[i]! }))));
    const answers = [...new PartReader().read(bytes)];
    const byId = new Map(
      answers.map(({ head }) => [(head as { id: string }).id, (head as { status: number }).status] as const),
    );
    expect(heads.map((head) => byId.get((head as { id: string }).id))).toEqual([200, 400, 404, 400, 200]);
  });

  it('damaged ones are refused in words, or run', async () => {
    const whole = Buffer.concat((await frames()).map(partToBytes));
    const said: Record<number, number> = {};
    const note = (status: number, error: string) => {
      said[status] = (said[status] ?? 0) + 1;
      if (status !== 200 && (status >= 500 || BARE.test(error))) throw new Error(`${status}: ${error}`);
    };
    for (let seed = 0; seed < 300; seed++) {
      const { status, bytes } = await post(damageBytes(whole, new Random(seed)));
      if (status !== 200) note(status, JSON.parse(String(bytes)).error);
      else
        for (const { head, body } of new PartReader().read(bytes))
          note((head as { status: number }).status, String(body));
    }
    expect(Object.keys(said)).toEqual(expect.arrayContaining(['200', '400']));
  });
});
