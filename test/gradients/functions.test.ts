import { fileURLToPath } from 'node:url';
import { backward, cos, cumsum, flatten, grad, NNsight, onesLike, save, sum, Tensor, tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import type { DType } from '../../runtime/graph/types.ts';
import type { Traced } from '../../runtime/types/tensor.ts';
import { type Operands, resultOf } from './function-calls.ts';
import { fixture } from './pytorch.ts';

interface Recorded {
  readonly dims: readonly number[];
  readonly dtype: DType;
  readonly data: readonly (number | boolean | string)[];
}

/** A call of a function, with the gradients that PyTorch's autograd has in float64. */
interface Case {
  readonly block: string;
  /** Whether it is at a point where the function has no derivative, or a careless rule gives NaN. */
  readonly special: boolean;
  readonly inputs: Readonly<Record<string, Recorded>>;
  readonly grads: Readonly<Record<string, Recorded>>;
}

const cases = fixture('functions') as unknown as readonly Case[];
const path = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const model = await NNsight.load(path, { device: 'cpu' });

/** How far a gradient may be off, relative to its largest element. */
const TOLERANCE = 1e-4;

/** The third and the fourth of these are equal, and either of them may be the second largest. */
const TIED = 'topk(x, 2).values';

describe.each([
  ['at ordinary points', cases.filter(({ special }) => !special)],
  ['at special points', cases.filter(({ special, block }) => special && block !== TIED)],
])('gradients of functions %s', (_, some) => {
  it.each(some.map((one) => [title(one), one] as const))('%s', async (_title, { block, inputs, grads }) => {
    const names = Object.keys(grads);
    const data = Object.fromEntries(Object.entries(inputs).map(([name, recorded]) => [name, decode(recorded)]));
    const found = await model.trace({ x: [[0, 0, 0, 0, 0]] }, () => {
      const operands: Record<string, Traced> = {};
      for (const name of Object.keys(data)) operands[name] = tensor(data[name]!);
      const result = flatten(resultOf(block, operands as Operands));
      const loss = sum(result * cos(cumsum(onesLike(result), 0) - 1));
      const by = grad(
        loss,
        names.map((name) => operands[name]!),
        { materializeGrads: true },
      );
      return by.map((gradient) => save(gradient));
    });
    names.forEach((name, i) => {
      const [actual, expected] = [found[i]!, grads[name]!];
      expect([actual.dtype, actual.dims], name).toEqual([expected.dtype, expected.dims]);
      expectNear([...(actual.data as Float32Array)], expected.data.map(Number), name);
    });
  });
});

it('the gradient of the largest elements goes to those that were taken, where several are equal', async () => {
  const data = Tensor.from([3, 1, 3, 3], 'float32');
  const { indices, gradient } = await model.trace({ x: [[0, 0, 0, 0, 0]] }, () => {
    const x = tensor(data);
    const { values, indices } = x.topk(2);
    const loss = values[0] * 5 + values[1] * 7;
    return { indices: save(indices), gradient: save(grad(loss, x)) };
  });
  const expected = [0, 0, 0, 0];
  [5, 7].forEach((share, i) => {
    expected[Number(indices.data[i])] = share;
  });
  expect([...(gradient.data as Float32Array)]).toEqual(expected);
});

function title({ block, inputs }: Case): string {
  const operands = Object.entries(inputs).map(([name, { dims, data }]) =>
    data.length > 5 ? `${name}[${dims.join(', ')}]` : `${name} = [${data.join(', ')}]`,
  );
  return `${block}, ${operands.join(', ')}`;
}

function decode({ data, dtype, dims }: Recorded): Tensor {
  return Tensor.from(data.map((value) => (typeof value === 'string' ? Number(value) : value)) as number[], dtype, [
    ...dims,
  ]);
}

/** Fails unless the numbers are those expected: infinities and NaN where these are. */
function expectNear(actual: readonly number[], expected: readonly number[], name: string): void {
  const finite = expected.filter(Number.isFinite).map(Math.abs);
  const allowed = TOLERANCE * Math.max(1e-6, ...finite);
  const isNear = expected.every(
    (value, i) => Object.is(value, actual[i]) || Math.abs(value - actual[i]!) <= allowed || value === actual[i],
  );
  expect(isNear, `${name}: ${actual.join(', ')}, expected ${expected.join(', ')}`).toBe(true);
}

it('by a gradient that the loss does not depend on there are zeros, where they are asked for', async () => {
  const zeros = await model.trace({ x: [[0, 0, 0, 0, 0]] }, () => {
    const x = tensor(Tensor.from([3, 1], 'float32'));
    backward(sum(x * x));
    // Nothing else needs this one.
    const [zeros] = grad(sum(cos(x)), [x.grad], { materializeGrads: true });
    return save(zeros!);
  });
  expect([zeros.dims, ...zeros.data]).toEqual([[2], 0, 0]);
});
