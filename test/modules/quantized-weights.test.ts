import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { add, backward, matmul, NNsight, save, type Traced, transpose } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { declareModules } from '../../runtime/modules/declarations.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { encodeFloat16 } from '../../runtime/tensor/float16.ts';
import type { AnyTensor } from '../../runtime/tensor/tensor.ts';

interface Weight {
  readonly path: string;
  readonly dims: readonly number[];
  readonly dtype: string;
  readonly first: readonly number[];
  /** Of the elements as they lie in memory. */
  readonly sha256: string;
}

const folder = new URL('../fixtures/quantized/', import.meta.url);
/** What ONNX's and ONNX Runtime's own operators make of the numbers of few bits, by `test/tools/quantized_weights.py`. */
const files: Record<string, readonly Weight[]> = JSON.parse(readFileSync(new URL('weights.json', folder), 'utf8'));
const IDS = [
  [0, 1, 2, 3, 4, 5],
  [6, 7, 8, 9, 10, 11],
];
const open = (name: string) => NNsight.load(fileURLToPath(new URL(`${name}.onnx`, folder)), { device: 'cpu' });

function hash({ dtype, data }: AnyTensor): string {
  const elements = Array.from(data as Float32Array, (value) => value + 0);
  const raw = dtype === 'float16' ? Uint16Array.from(elements, encodeFloat16) : Float32Array.from(elements);
  return createHash('sha256').update(new Uint8Array(raw.buffer)).digest('hex');
}

/** Quantizers of dynamo's files drop what tells of the modules of nodes that they replace: these have no name left. */
const NAMELESS = /(first|last)\.weight$/;

describe.each(Object.keys(files))('the weights of %s', (name) => {
  it('have the shapes of PyTorch and the numbers that the operators work with', async () => {
    const model = await open(name);
    for (const { path, dims, dtype, first, sha256 } of files[name]!) {
      const read = () => model.get(path) as unknown as AnyTensor;
      if (name.endsWith('.dynamo') && NAMELESS.test(path) && isLost(read)) continue;
      const { data } = read();
      expect(read(), path).toMatchObject({ dims, dtype });
      const elements = Array.from(data.subarray(0, 8) as Float32Array, (value) => value + 0);
      // With an order ONNX Runtime rounds twice: scale * value - scale * 8.
      if (name.startsWith('q4-order')) {
        for (const [i, value] of elements.entries()) expect(value, path).toBeCloseTo(first[i]!, 6);
      } else expect([elements, hash(read())], path).toEqual([first, sha256]);
    }
  });
});

function isLost(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    expect((error as Error).message).toMatch(
      /quantized-weights\.test\.ts:\d+:\d+ - .* is quantized in this file, which does not tell/,
    );
    return true;
  }
}

describe.each(['folded-uint8.ts', 'folded-qdq.ts', 'folded-uint8.dynamo', 'folded-qdq.dynamo'])('%s', (name) => {
  it.each(['conv.weight', 'conv.bias', 'norm.bias'])(
    'has no %s of PyTorch any more: an error at the line',
    async (path) => {
      const model = await open(name);
      expect(() => model.get(path)).toThrow(
        /quantized-weights\.test\.ts:\d+:\d+ - .*(is quantized in this file|is not in this file|no module)/,
      );
    },
  );
});

describe('a weight in few bits in a block', () => {
  it('is that of outside, and computes what its module computes', async () => {
    const model = await open('q4-zeros.ts');
    const { own, output, outside } = await model.trace(IDS, () => {
      const { weight, bias } = model.get('first') as never as { weight: number; bias: number };
      const own = save(add(matmul(model.get('first').input, transpose(weight, 0, 1)), bias));
      return { own, output: save(model.get('first').output), outside: save(weight) };
    });
    expect(outside.toArray()).toEqual((model.get('first.weight') as unknown as AnyTensor).toArray());
    const distance = Array.from(own.data, (value: number, i: number) => Math.abs(value - output.data[i]!));
    expect(Math.max(...distance)).toBeLessThan(1e-5);
  });

  it('is a copy on which no loss of the model depends: an error at the line', async () => {
    const model = await open('q4-zeros.ts');
    const { changed, again } = await model.trace(IDS, () => {
      const weight = model.get('first.weight') as never as Traced;
      weight[':'] = 0;
      return {
        changed: save(weight.abs().max()),
        again: save((model.get('first.weight') as never as Traced).abs().max()),
      };
    });
    expect(changed.item()).toBe(0);
    expect(Number(again.item())).toBeGreaterThan(0);
    const gradient = model.trace(IDS, () => {
      backward(model.get('last').output.sum());
      return save((model.get('first.weight') as never as Traced).grad);
    });
    await expect(gradient).rejects.toThrow(
      /quantized-weights\.test\.ts:\d+:\d+ - The loss does not depend on this tensor/,
    );
  });

  it('is in the declarations', async () => {
    const path = fileURLToPath(new URL('q4.ts.onnx', folder));
    const text = declareModules(await readModel(path), { name: 'Model', isMember: () => false });
    expect(text).toContain('/** `first.weight`: float32 [48, 32] */');
    expect(text).toContain('/** `turned.weight`: float32 [48, 40] */');
  });
});
