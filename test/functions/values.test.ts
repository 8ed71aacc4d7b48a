import { fileURLToPath } from 'node:url';
import { NNsight, save, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { block } from '../../runtime/operators/blocks.ts';
import type { AnyTensor } from '../../runtime/tensor/tensor.ts';
import type { Traced } from '../../runtime/types/tensor.ts';
import { type Case, casesByFunction, tensorsOf } from './cases.ts';

const path = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const model = await NNsight.load(path, { device: 'cpu' });
const inputs = { x: [[0, 0, 0, 0, 0]] };

/** How far a result may be off, relative to its size: float32 kernels differ in the order of their sums. */
const TOLERANCE: Readonly<Record<string, number>> = { float16: 2e-3, float32: 2e-5, float64: 2e-5 };

describe.each([...casesByFunction()])('%s', (_, cases) => {
  const valid = cases.filter(({ expected }) => expected !== null);
  const called = ({ call }: Case) => tensorsOf(call() as Exclude<Traced, number>);

  it('gives the numbers that PyTorch gives, and outside of a block the same', async () => {
    // One run for all cases of a function: each costs a session.
    const results = (await model.trace(
      inputs,
      block(() => valid.map((one) => called(one).map((traced) => save(traced as Traced)))),
    )) as Tensor[][];
    valid.forEach((one, i) => {
      check(one, results[i]!);
      const outside = called(one).map((tensor) => (tensor as AnyTensor).data);
      expect(outside, one.name).toEqual(results[i]!.map(({ data }) => data));
    });
  });
});

function check({ name, expected }: Case, results: readonly AnyTensor[]): void {
  tensorsOf(expected!).forEach((wanted, j) => {
    const actual = results[j]!;
    expect({ name, dtype: actual.dtype, dims: actual.dims }).toEqual({ name, dtype: wanted.dtype, dims: wanted.dims });
    const [a, b] = [actual, wanted].map((tensor) => Array.from(tensor.data as ArrayLike<number>, Number));
    const off = a!.findIndex((value, at) => !close(value, b![at]!, TOLERANCE[wanted.dtype] ?? 0));
    if (off >= 0) expect.fail(`${name}: element ${off} is ${a![off]}, not ${b![off]}`);
  });
}

function close(a: number, b: number, tolerance: number): boolean {
  return Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
}
