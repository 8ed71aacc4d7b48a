import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight, ReuseScope, save } from 'onnsight';
import { TensorProto_DataType as T } from 'onnx-buf';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { rejection } from '../errors/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-strings-'));
const path = join(folder, 'texts.onnx');
// Texts of numbers are read, and go through a linear layer.
writeFileSync(
  path,
  encodeModel(
    makeModel(
      makeGraph(
        'g',
        [
          makeNode('Cast', ['texts'], ['x'], { to: { int: T.FLOAT } }, '/m/read/Cast'),
          makeNode('MatMul', ['x', 'm.fc.weight'], ['y'], {}, '/m/fc/MatMul'),
          makeNode('Mul', ['y', 'scale'], ['z'], {}, '/m/scale/Mul'),
        ],
        [makeValueInfo('texts', T.STRING, ['rows', 2]), makeValueInfo('scale', 'float32', ['rows', 1])],
        [makeValueInfo('z', 'float32', ['rows', 2])],
        [makeTensor('m.fc.weight', 'float32', [1, 2, 3, 4], [2, 2])],
      ),
      21,
    ),
  ),
);
afterAll(() => rmSync(folder, { recursive: true }));

// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
const model: any = await NNsight.load(path, { device: 'cpu' });

/** What ONNX Runtime gives for texts. */
async function plain(texts: readonly (readonly string[])[], scale: number): Promise<number[][]> {
  const session = await InferenceSession.create(path);
  const feeds = {
    texts: new OrtTensor('string', texts.flat(), [texts.length, 2]),
    scale: new OrtTensor(
      'float32',
      texts.map(() => scale),
      [texts.length, 1],
    ),
  };
  const data = Array.from((await session.run(feeds)).z!.data as Float32Array);
  await session.release();
  return texts.map((_, row) => data.slice(2 * row, 2 * row + 2));
}

describe('an input of texts', () => {
  const texts = [
    ['1', '2'],
    ['-3', '0.5'],
  ];

  it('is shared among traces on the same texts, cut at every module too', async () => {
    const cut = await NNsight.load(path, { device: 'cpu', segmentation: 'modules' });
    const seen: { ran: number; results: number }[] = [];
    for (let i = 0; i < 4; i++) {
      await cut.trace({ texts, scale: [[2], [2]] }, () => save(cut.output), {
        onStats: ({ dispatches, held }) => {
          seen.push({ ran: dispatches.filter(({ action }) => action === 'run').length, results: held.results });
        },
      });
    }
    expect(seen.map(({ ran }) => ran > 0)).toEqual([true, true, false, false]);
    expect(seen.map(({ results }) => results > 0)).toEqual([false, true, true, true]);
  });

  it('is given as nested arrays, or as a tensor of ONNX Runtime', async () => {
    for (const given of [texts, new OrtTensor('string', texts.flat(), [2, 2])]) {
      const { z, changed } = await model.trace({ texts: given, scale: [[2], [2]] }, () => {
        const z = save(model.m.scale.output);
        model.m.fc.output *= 10;
        return { z, changed: save(model.outputs.z) };
      });
      expect(z.toArray()).toEqual(await plain(texts, 20));
      expect(changed.toArray()).toEqual(await plain(texts, 20));
    }
  });

  it('is joined in a batch: each invoke has its rows', async () => {
    const { first, second } = await model.trace((tracer: { invoke(inputs: unknown, block: () => void): void }) => {
      let first: unknown;
      let second: unknown;
      tracer.invoke({ texts: [texts[0]], scale: [[1]] }, () => {
        first = save(model.m.fc.output);
      });
      tracer.invoke({ texts: [texts[1]], scale: [[1]] }, () => {
        second = save(model.m.fc.output);
      });
      return { first, second };
    });
    expect([first.toArray(), second.toArray()]).toEqual((await plain(texts, 1)).map((row) => [row]));
  });

  it('is computed again in a sweep where a text differs', async () => {
    const reuse = new ReuseScope();
    for (const given of [texts, texts, [texts[0]!, ['8', '8']]]) {
      const z = await model.trace({ texts: given, scale: [[3], [3]] }, () => save(model.outputs.z), { reuse });
      expect(z.toArray()).toEqual(await plain(given, 3));
    }
  });

  it.each([
    [
      'numbers',
      { texts: [[1, 2]], scale: [[1]] },
      /input texts \(string\[rows, 2\]\) .* made of texts, but there is number at \[0\]\[0\]/,
    ],
    ['ragged rows', { texts: [['1', '2'], ['1']], scale: [[1]] }, /ragged: \[1\]/],
    ['a wrong size', { texts: [['1', '2', '3']], scale: [[1]] }, /must have size 2 in dimension 1/],
    [
      'a text for numbers',
      { texts: [['1', '2']], scale: [['x']] },
      /input scale \(float32\[rows, 1\]\).* made of numbers, but there is string/,
    ],
    ['nothing', { scale: [[1]] }, /'texts' is needed and was not given/],
  ])('%s are an error at the line', async (_, given, message) => {
    const error = await rejection(model.trace(given, () => save(model.outputs.z)));
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/string-inputs\.test\.ts:\d+/);
  });
});
