import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { intervention, type LanguageModel, save, type Tensor } from 'onnsight';
import { BundleError, loadBundle } from 'onnsight/bundle';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fetchFile } from '../../runtime/bundle/fetch-file.ts';
import { compileTo } from './support/build.ts';

const steer = intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
  model.transformer.h[1].output *= alpha;
  return { logits: save(model.lm_head.output) };
});

let sound: string;
let server: Server;
let url: string;
/** What the server gives instead of a file of the bundle. */
let instead: { readonly file: string; readonly bytes: Uint8Array } | null = null;

beforeAll(async () => {
  sound = await compileTo(steer);
  server = createServer((request, response) => {
    const file = request.url!.slice(1);
    if (file === 'silent') response.write('a');
    else if (file === instead?.file) response.setHeader('content-encoding', 'gzip').end(gzipSync(instead.bytes));
    else response.end(readFileSync(join(sound, file)));
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
  instead = { file, bytes: new Uint8Array(bytes) };
  for (const verify of [true, false]) {
    const loaded = loadBundle(url, { verify });
    await expect(loaded).rejects.toThrow(BundleError);
    await expect(loaded).rejects.toThrow(new RegExp(`${file} is too long: it has more than \\d+ bytes`));
  }
  instead = null;
});

it('a server that sends nothing any more is an error', async () => {
  const silent = fetchFile(new URL(`${url}/silent`), 100, 200);
  await expect(silent).rejects.toThrow(BundleError);
  await expect(silent).rejects.toThrow(/silent cannot be fetched: nothing has come for 0\.2 s/);
});
