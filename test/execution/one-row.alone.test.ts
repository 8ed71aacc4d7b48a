import { join } from 'node:path';
import { NNsight, save } from 'onnsight';
import * as onnxruntime from 'onnxruntime-node';
import { beforeAll, expect, it, vi } from 'vitest';
import type { SessionConfig } from '../../runtime/ort/port.ts';
import { TOY } from '../support/toy.ts';

const PATH = join(TOY, 'model.onnx');

const created: SessionConfig[] = [];
vi.mock('../../runtime/ort/ort.ts', async (original) => {
  const { ort } = await original<typeof import('../../runtime/ort/ort.ts')>();
  const createSession: typeof ort.createSession = (model, config) => {
    if (config.weights! > 0) created.push(config);
    return ort.createSession(model, config);
  };
  return { ort: Object.assign(Object.create(ort), { createSession }) };
});

const ids = [[64, 12, 133, 17, 65, 87, 162, 48]];
/** The logits by plain ONNX Runtime, row by row. */
let rows: number[][];
// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
let model: any;

beforeAll(async () => {
  const session = await onnxruntime.InferenceSession.create(PATH);
  const tokens = ids[0]!;
  const integers = (values: number[]) =>
    new onnxruntime.Tensor('int64', BigInt64Array.from(values, BigInt), [1, tokens.length]);
  const feeds: Record<string, onnxruntime.Tensor> = {
    input_ids: integers(tokens),
    attention_mask: integers(tokens.map(() => 1)),
    position_ids: integers(tokens.map((_, i) => i)),
  };
  const empty = new onnxruntime.Tensor('float32', new Float32Array(), [1, 4, 0, 32]);
  for (const name of session.inputNames) feeds[name] ??= empty;
  const { logits } = await session.run(feeds);
  const width = logits!.dims.at(-1)!;
  const all = [...(logits!.data as Float32Array)];
  rows = tokens.map((_, i) => all.slice(i * width, (i + 1) * width));
});

async function expectRows(positions: string, expected: number[][]) {
  const saved = await model.trace({ input_ids: ids }, () => save(model.lm_head.output[positions]));
  const data = [...saved.data];
  const flat = expected.flat();
  expect(data).toHaveLength(flat.length);
  data.forEach((value, i) => {
    expect(Math.abs(value - flat[i]!)).toBeLessThan(1e-4);
  });
}

const prepacked = () => created.map(({ prepack }) => prepack);

it('reads the weights of the last position from the file, and prepares them for more', async () => {
  vi.stubEnv('ONNSIGHT_SEGMENTS', undefined);
  model = await NNsight.load(PATH, { device: 'cpu', reuse: false });
  created.length = 0;
  await expectRows('0, -1', rows.slice(-1));
  expect(prepacked().filter((prepack) => !prepack)).toHaveLength(1);
  const before = created.length;
  await expectRows('0, -3:', rows.slice(-3));
  expect(prepacked().slice(before)).toEqual([true]);
  // Both stay: the same trace gives the same bits, whatever ran in between.
  await expectRows('0, 2', rows.slice(2, 3));
  await expectRows('0, 1:3', rows.slice(1, 3));
  expect(prepacked().filter((prepack) => !prepack)).toHaveLength(1);
});
