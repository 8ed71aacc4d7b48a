import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { backward, gradientName, seedName } from '../../runtime/gradients/backward.ts';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';

const [ROWS, WIDTH, COUNT] = [4, 16, 20_000];

/** Whole numbers, whose sums are exact in any order. */
const updates = Float32Array.from({ length: COUNT * WIDTH }, (_, i) => (i * 7) % 11);
const rows = Array.from({ length: COUNT }, (_, i) => (i * i) % ROWS);

function expected(): Float32Array {
  const sums = new Float32Array(ROWS * WIDTH);
  updates.forEach((value, i) => {
    sums[rows[Math.floor(i / WIDTH)]! * WIDTH + (i % WIDTH)]! += value;
  });
  return sums;
}

it.each([
  ['Gather', [COUNT]],
  ['GatherND', [COUNT, 1]],
])('%s: what arrives at one row from many places is added up whole, each time', async (op, dims) => {
  // ONNX Runtime's ScatterND loses some of it now and then, where several threads add to one row.
  const model = makeModel(
    makeGraph(
      'rows',
      [makeNode(op, ['table', 'index'], ['y'])],
      [makeValueInfo('table', 'float32', [ROWS, WIDTH]), makeValueInfo('index', 'int64', dims)],
      [makeValueInfo('y', 'float32')],
      [],
    ),
    20,
  );
  const made = backward(model, { seeds: ['y'], wanted: ['table'] });
  const session = await InferenceSession.create(encodeModel(made.model), { logSeverityLevel: 4, intraOpNumThreads: 4 });
  const all: Record<string, Tensor> = {
    table: new Tensor('float32', new Float32Array(ROWS * WIDTH), [ROWS, WIDTH]),
    index: new Tensor('int64', BigInt64Array.from(rows, BigInt), dims),
    [seedName('y')]: new Tensor('float32', updates, [COUNT, WIDTH]),
  };
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]!]));
  const sums = expected();
  for (let time = 0; time < 40; time++) {
    const found = await session.run(feeds);
    expect(found[gradientName('table')]!.data).toEqual(sums);
  }
  await session.release();
});
