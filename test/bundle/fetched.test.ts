import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { intervention, type LanguageModel, save, type Tensor } from 'onnsight';
import { BundleError, loadBundle } from 'onnsight/bundle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchFile } from '../../runtime/bundle/fetch-file.ts';
import { compileTo } from './support/build.ts';

const steer = intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
  model.transformer.h[1].output *= alpha;
  return { logits: save(model.lm_head.output) };
});

let sound: string;
let server: Server;
let url: string;
type Answer = (file: string, response: ServerResponse) => unknown;
/** What the server does instead of giving a file of the bundle. */
let instead: { readonly file: string; readonly answer: Answer } | null = null;

const bytesOf = (file: string) => readFileSync(join(sound, file));

function changedBytes(file: string): Uint8Array {
  const bytes = bytesOf(file);
  bytes[bytes.length - 20]! ^= 1;
  return bytes;
}

beforeAll(async () => {
  sound = await compileTo(steer);
  server = createServer((request, response) => {
    const file = request.url!.slice(1);
    if (file === 'silent') response.write('a');
    else if (file === 'drip') {
      const timer = setInterval(() => response.write('a'), 10);
      response.on('close', () => clearInterval(timer));
    } else if (file === instead?.file) instead.answer(file, response);
    else response.end(bytesOf(file.replace('moved/', '')));
  }).listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://localhost:${(server.address() as { port: number }).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it('a bundle from the web gives what it gives from its folder', async () => {
  const run = async (place: string) => {
    const bundle = await loadBundle(place);
    const { logits } = (await bundle({ input_ids: [[1, 2, 3]], alpha: 2 })) as { logits: Tensor };
    await bundle.release();
    return Array.from(logits.data);
  };
  expect(await run(url)).toEqual(await run(sound));
});

it.each([
  ['bundle.json', 2 ** 27],
  ['steer.onnx', 2 ** 24],
  ['model.onnx', 2 ** 24],
])('no more of %s is read than it may have, whatever it is compressed to', async (file, bytes) => {
  const zipped = gzipSync(new Uint8Array(bytes));
  instead = { file, answer: (_, response) => response.setHeader('content-encoding', 'gzip').end(zipped) };
  for (const verify of [true, false]) {
    const loaded = loadBundle(url, { verify });
    await expect(loaded).rejects.toThrow(BundleError);
    await expect(loaded).rejects.toThrow(new RegExp(`${file} is too long: it has more than \\d+ bytes`));
  }
  instead = null;
});

it.each([
  ['silent', /silent cannot be fetched: next to nothing has come for 0\.2 s/],
  ['drip', /drip cannot be fetched: next to nothing has come for 0\.2 s/],
])('a server that sends nothing any more, or byte by byte, is an error (%s)', async (file, says) => {
  const fetched = fetchFile(new URL(`${url}/${file}`), 10_000, 200);
  await expect(fetched).rejects.toThrow(BundleError);
  await expect(fetched).rejects.toThrow(says);
});

describe('a server that does not give what the manifest says', () => {
  const redirect = (to: string) => (_: string, response: ServerResponse) =>
    response.writeHead(302, { location: to }).end();
  it.each<[string, Answer, RegExp]>([
    ['status 404', (_, response) => response.writeHead(404).end('x'), /is missing: the server answered 404/],
    ['status 500', (_, response) => response.writeHead(500).end('x'), /is missing: the server answered 500/],
    ['a page', (_, response) => response.end('<!DOCTYPE html>'), /bundle\.json|hash|bytes/],
    ['half of it', (file, response) => response.end(bytesOf(file).subarray(0, -9)), /bundle\.json|hash|bytes/],
    ['other bytes', (file, response) => response.end(changedBytes(file)), /bundle\.json|hash/],
    [
      'an end on the way',
      (file, response) => {
        response.writeHead(200, { 'content-length': bytesOf(file).length });
        response.write(bytesOf(file).subarray(0, 9), () => response.destroy());
      },
      /cannot be fetched/,
    ],
    ['redirections for ever', (file, response) => redirect(`/${file}`)(file, response), /cannot be fetched/],
    ['a file of this machine', redirect('file:///etc/hostname'), /cannot be fetched/],
    ['a script', redirect('data:application/json,{}'), /cannot be fetched/],
  ])('%s', async (_, answer, says) => {
    for (const file of ['bundle.json', 'steer.onnx', 'model.onnx']) {
      instead = { file, answer };
      const error = await loadBundle(url).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(BundleError);
      expect((error as Error).message).toContain(url);
      expect((error as Error).message).toMatch(says);
    }
    instead = null;
  });

  it('but a redirection to the file itself is followed', async () => {
    for (const file of ['bundle.json', 'steer.onnx', 'model.onnx']) {
      instead = { file, answer: (_, response) => response.writeHead(302, { location: `/moved/${file}` }).end() };
      await (await loadBundle(url)).release();
    }
    instead = null;
  });
});
