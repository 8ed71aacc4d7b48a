import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NNsight, RemoteBackend, requestToBytes, save, type Tensor } from 'onnsight';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import type { Ended, FromProcess, Run, ToProcess } from '../../server/messages.ts';
import { adding, DRAWINGS, WIDTH } from '../execution/drawing-models.ts';
import { loadToy, reference } from '../support/toy.ts';
import { Asked } from './asked.ts';

const MAIN = fileURLToPath(new URL('../../dist/server/model-process-main.js', import.meta.url));
const DRAWN = ['RandomNormal', 'a function that calls a function', 'a loop'];
const COUNT = 16;

const folder = mkdtempSync(join(tmpdir(), 'onnsight-alike-'));
const paths = DRAWN.map((name, i) => {
  const path = join(folder, `${i}.onnx`);
  writeFileSync(path, encodeModel(adding(DRAWINGS[name]!)));
  return path;
});
const lm = await loadToy();
const { clean } = reference.prompts;
let asked: Asked;
let backend: RemoteBackend;

beforeAll(async () => {
  asked = await Asked.start({
    models: ['toy=models/toy-gpt2', ...paths.map((path, i) => `drawn${i}=${path}`)],
    limits: { requests: 1e6, models: 4 },
  });
  backend = new RemoteBackend(asked.server.url);
}, 60_000);
afterAll(async () => {
  await asked.server.close();
  rmSync(folder, { recursive: true });
});

const half = (options: object) =>
  lm.trace(
    clean,
    () => {
      lm.transformer.h[1].output *= 0.5;
      return save(lm.lm_head.output['0, -1']);
    },
    options,
  );
/** As many at once, after others, so that they are handed over together. */
const atOnce = async <T>(ask: () => Promise<T>): Promise<T[]> => {
  for (let i = 0; i < 3; i++) await ask();
  return Promise.all(Array.from({ length: COUNT }, ask));
};
const numbersOf = ({ data }: Pick<Tensor, 'data'>) => Array.from(data as ArrayLike<number>, Number).join();

describe('traces that ask the same at once', () => {
  it('each get what they ask for', async () => {
    const local = numbersOf(await half({}));
    for (const answer of await atOnce(() => half({ backend }))) expect(numbersOf(answer)).toBe(local);
  });

  it.each(DRAWN.map((name, i) => [name, i] as const))('each draw numbers of their own (%s)', async (_, i) => {
    // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
    const drawing: any = await NNsight.load(paths[i]!, { device: 'cpu' });
    const inputs = { x: [Array(WIDTH).fill(0)], training: true };
    const answers = await atOnce(() => drawing.trace(inputs, () => save(drawing.output), { backend }));
    expect(new Set(answers.map((answer) => numbersOf(answer as Tensor))).size).toBe(COUNT);
  });

  it('each draw tokens of their own', async () => {
    const options = { maxNewTokens: 12, doSample: true, temperature: 5, backend };
    const answers = await atOnce(async () => (await lm.generate(clean, options)).tokens.join());
    expect(new Set(answers).size).toBe(COUNT);
  });

  it('each are refused what is refused', async () => {
    const { transformer } = lm;
    const wrong = () =>
      lm
        .trace(clean, () => save(transformer.h[0].output.reshape(7, 7)), { backend })
        .catch((error: Error) => error.message);
    for (const said of await atOnce(wrong)) expect(said).toMatch(/^.*alike\.test\.ts:\d+:\d+ - /);
  });

  it('run once', async () => {
    let body: Uint8Array = new Uint8Array();
    let hash = '';
    const noting = {
      async run(request: Parameters<typeof requestToBytes>[0]) {
        body = requestToBytes(request);
        hash = request.model.hash;
        return request.graph.saves.map(() => undefined);
      },
    };
    await half({ backend: noting }).catch(() => {});
    const other = Uint8Array.from(body);
    const ends = await runAll(hash, [body, body, other, body]);
    expect(ends[1]).toBe(ends[0]);
    expect(ends[3]).toBe(ends[0]);
    expect(ends[2]).not.toBe(ends[0]);
    expect(ends[2]).toEqual(ends[0]);
  });
});

/** What a process of the toy tells of runs that it is handed together: what stands for several comes as one object. */
async function runAll(hash: string, bodies: readonly Uint8Array[]): Promise<readonly Ended[]> {
  const child = fork(MAIN, [], { serialization: 'advanced' });
  const tell = (message: ToProcess) => child.send(message);
  const runs = bodies.map((body, i): Run => ({ form: 'bytes', body, isWatched: false, user: '', id: `${i}` }));
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject).on('exit', reject);
      let ended = 0;
      child.on('message', (told: FromProcess) => {
        if (told.kind === 'loaded' && told.refusal) reject(new Error(told.refusal.error));
        if (told.kind === 'ended') ended += told.ends.length;
        // Until it takes so little time that it tells of all in one message.
        if (told.kind === 'ended' && told.ends.length === runs.length) resolve(told.ends);
        else if (ended % runs.length === 0) tell({ kind: 'run', runs });
      });
      const limits = { memory: 2 ** 31, elements: 2 ** 26, iterations: 1e5, nodes: 1e4, bytesOut: 2 ** 26 };
      const opening = { limits: limits as never, edits: null, imports: [] };
      const model = { path: 'models/toy-gpt2', isLanguage: true, hash, isRandom: false };
      tell({ kind: 'load', model, others: [], opening });
    });
  } finally {
    child.removeAllListeners('exit').kill('SIGKILL');
  }
}
