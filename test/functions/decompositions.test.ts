import { readFileSync } from 'node:fs';
import { eigh, lstsq, matmul, NNsight, pinv, qr, rearrange, save, svd, Tensor, transpose } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { modelPath } from '../support/fixtures.ts';

interface Data {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}
interface Decomposition {
  readonly name: string;
  readonly matrix: Data;
  readonly U: readonly number[];
  readonly S: Data;
  readonly Vh: readonly number[];
  readonly thin: readonly (readonly number[])[];
  readonly Q: readonly number[];
  readonly R: Data;
  readonly pinv: Data;
  readonly right?: Data;
  readonly solution?: Data;
  readonly eigenvalues?: Data;
}
/** What PyTorch and einops gave (test/tools/decompositions_fixtures.py). */
const { decompositions, x, rearranged, squeezed } = JSON.parse(
  readFileSync(new URL('../fixtures/decompositions.json', import.meta.url), 'utf8'),
) as {
  readonly decompositions: readonly Decomposition[];
  readonly x: Data;
  readonly rearranged: readonly { pattern: string; sizes: Record<string, number>; result: Data }[];
  readonly squeezed: Data;
};

const float64 = ({ dims, data }: Data) => Tensor.from(data, 'float64', dims);
const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });

function expectClose(actual: Tensor, dims: readonly number[], data: ArrayLike<number>, tolerance = 1e-9): void {
  expect(actual.dims).toEqual(dims);
  Array.from(data).forEach((value, i) => {
    expect(Math.abs(Number(actual.data[i]) - value)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)));
  });
}

/** Whether the columns of each matrix of a batch are orthonormal. */
function expectOrthonormal(columns: Tensor): void {
  const [size, lead] = [columns.dims.at(-1)!, columns.dims.slice(0, -2)];
  const count = lead.reduce((product, one) => product * one, 1);
  const unit = Array.from({ length: count * size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  const each = Array.from({ length: count }, () => unit.slice(0, size * size)).flat();
  expectClose(matmul(columns.transpose(-2, -1), columns), [...lead, size, size], each);
}

describe.each(decompositions)('$name', (wanted) => {
  const matrix = float64(wanted.matrix);

  it('svd', () => {
    const { U, S, Vh } = svd(matrix);
    expectClose(S, wanted.S.dims, wanted.S.data);
    expect([U.dims, Vh.dims]).toEqual([wanted.U, wanted.Vh]);
    expectOrthonormal(U);
    expectOrthonormal(transpose(Vh, -2, -1));
    const thin = svd(matrix, { fullMatrices: false });
    expect([thin.U.dims, thin.S.dims, thin.Vh.dims]).toEqual(wanted.thin);
    expectClose(matmul(thin.U.mul(thin.S.unsqueeze(-2)), thin.Vh), wanted.matrix.dims, wanted.matrix.data);
  });

  it('qr', () => {
    const { Q, R } = qr(matrix);
    expect(Q.dims).toEqual(wanted.Q);
    expectClose(R.abs(), wanted.R.dims, wanted.R.data);
    expectClose(matmul(Q, R), wanted.matrix.dims, wanted.matrix.data);
  });

  it('pinv, lstsq and eigh', () => {
    expectClose(pinv(matrix), wanted.pinv.dims, wanted.pinv.data);
    if (wanted.right && wanted.solution) {
      expectClose(lstsq(matrix, float64(wanted.right)).solution, wanted.solution.dims, wanted.solution.data);
    }
    if (!wanted.eigenvalues) return;
    const { eigenvalues, eigenvectors } = eigh(matrix);
    expectClose(eigenvalues, wanted.eigenvalues.dims, wanted.eigenvalues.data);
    expectOrthonormal(eigenvectors);
    const lower = matrix.tril();
    const symmetric = lower.add(lower.tril(-1).t());
    expectClose(matmul(symmetric, eigenvectors), matrix.dims, eigenvectors.mul(eigenvalues).data);
  });
});

describe('a decomposition', () => {
  it('keeps the dtype', () => {
    const { U, S } = svd(float64(decompositions[0]!.matrix).float());
    expect([U.dtype, S.dtype]).toEqual(['float32', 'float32']);
    expectClose(S, decompositions[0]!.S.dims, decompositions[0]!.S.data, 1e-6);
  });

  it('of many equal rows comes to an end: one singular value, and nothing but zeros besides', () => {
    const row = Array.from({ length: 30 }, (_, i) => (i === 29 ? 1 : 2 * Math.sin(i * i)));
    const equal = float64({ dims: [40, 30], data: Array.from({ length: 40 * 30 }, (_, i) => row[i % 30]!) });
    const { U, S, Vh } = svd(equal);
    const value = Math.sqrt(40) * Math.hypot(...row);
    expectClose(S, [30], [value, ...Array(29).fill(0)]);
    expectOrthonormal(U);
    expectOrthonormal(transpose(Vh, -2, -1));
    const mean = lstsq(equal, float64({ dims: [40, 1], data: Array(40).fill(3) })).solution;
    expectClose(matmul(equal, mean), [40, 1], Array(40).fill(3));
  });

  it('of a traced value is an error that says where it can be had', async () => {
    const inBlock = model.trace({ x: [[0, 0, 0, 0, 0]] }, () => save(svd(model.outputs[0]).S));
    await expect(inBlock).rejects.toThrow(/decompositions\.test\.ts:\d+:\d+ - svd: .*call svd\(\) after the trace/);
  });

  it('says what it takes', () => {
    expect(() => svd([1, 2])).toThrow('must have at least 2 dimensions');
    expect(() => svd([[0.5, Number.NaN]])).toThrow('non-finite values');
    expect(() => qr(Tensor.from([[1, 2]]))).toThrow('got int64: convert it with float()');
    expect(() => eigh([[0.5, 1]])).toThrow('they are 1 by 2 matrices');
    expect(() => lstsq([[0.5, 1]], [0.5])).toThrow('lstsq');
  });
});

describe('rearrange', () => {
  const tensor = Tensor.from(x.data, 'int64', x.dims);

  it.each(rearranged)('$pattern', ({ pattern, sizes, result }) => {
    const made = rearrange(tensor, pattern, sizes);
    expect([made.dims, Array.from(made.data, Number)]).toEqual([result.dims, result.data]);
  });

  it('takes dimensions of size 1 away', () => {
    const made = rearrange(tensor['0:1'], '1 b c d -> b (c d)');
    expect([made.dims, Array.from(made.data, Number)]).toEqual([squeezed.dims, squeezed.data]);
  });

  it('in a block, with sizes that only the run knows', async () => {
    const rows = [
      [1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10],
    ];
    const [made, plain] = await model.trace({ x: rows }, () => {
      const kept = model.inputs[0][(model.inputs[0].sum(-1) > 0) as never];
      return [save(rearrange(kept, 'b f -> (f b)')), save(rearrange(kept, '(b one) f -> one f b', { one: 1 }))];
    });
    expect(made!.toArray()).toEqual([1, 6, 2, 7, 3, 8, 4, 9, 5, 10]);
    expect(plain!.dims).toEqual([1, 5, 2]);
  });

  it.each([
    ['a b c', 'has to have one'],
    ['a b c -> c b a', 'starts from 3 dimensions, and the tensor has 4'],
    ['a b c (d e) -> a b c d e', "give the size of 'd' or 'e'"],
    ['a b c d -> a b c', "'d' stands on one side"],
    ['a a c d -> a a c d', "'a' stands twice"],
    ['a b c d_ -> a b c d_', "'d_' in"],
    ['1 b c d -> b c d', 'a dimension of 2 cannot be 1'],
  ])('%s is an error', (pattern, message) => {
    expect(() => rearrange(tensor, pattern)).toThrow(message);
  });

  it('says which sizes do not fit', () => {
    expect(() => rearrange(tensor, 'a b c (h d) -> a b c h d', { h: 4 })).toThrow('a dimension of 6 cannot be');
    expect(() => rearrange(tensor, 'a b c d -> d c b a', { h: 4 })).toThrow("the size of 'h' is given");
  });
});
