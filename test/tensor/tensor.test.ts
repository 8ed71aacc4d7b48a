import { describe, expect, it } from 'vitest';
import { Tensor } from '../../runtime/tensor/tensor.ts';

const counted = (...dims: number[]) =>
  Tensor.from(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i),
    'float32',
    dims,
  );

describe('Tensor.from', () => {
  it('takes numbers, nested arrays, typed arrays and tensors', () => {
    expect(Tensor.from(3)).toMatchObject({ dtype: 'int64', dims: [] });
    expect(Tensor.from(0.5)).toMatchObject({ dtype: 'float32', dims: [] });
    expect(Tensor.from([[true], [false]])).toMatchObject({ dtype: 'bool', dims: [2, 1] });
    expect(
      Tensor.from([
        [1, 2],
        [3, 4.5],
      ]),
    ).toMatchObject({ dtype: 'float32', dims: [2, 2] });
    expect(Tensor.from([1n, 2])).toMatchObject({ dtype: 'int64', dims: [2] });
    expect(Tensor.from(new Int32Array(6), 'int32', [2, 3])).toMatchObject({ dtype: 'int32', dims: [2, 3] });
    expect(Tensor.from([Float32Array.of(1, 2), Float32Array.of(3, 4)]).toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(Tensor.from([counted(2), counted(2)]).dims).toEqual([2, 2]);
    expect(Tensor.from(counted(2, 0), 'int64').dims).toEqual([2, 0]);
    expect(Tensor.from([]).dims).toEqual([0]);
    expect(Tensor.from([[], []]).dims).toEqual([2, 0]);
  });

  it('converts to the dtype asked for', () => {
    expect(Tensor.from([1.9, -1.9], 'int64').toArray()).toEqual([1, -1]);
    expect(Tensor.from([2, 0], 'bool').toArray()).toEqual([true, false]);
    expect(Tensor.from([1, 0.1, 65520, 1e-8], 'float16').toArray()).toEqual([1, 0.0999755859375, Infinity, 0]);
    expect(Tensor.from(5, 'float64').item()).toBe(5);
    expect(() => Tensor.from([Number.NaN], 'int64')).toThrow('cannot convert NaN to an integer');
  });

  it('takes NaN for true, as PyTorch does', () => {
    for (const given of [[Number.NaN, 0, 2], Float32Array.of(Number.NaN, 0, 2)]) {
      expect(Tensor.from(given, 'bool').toArray()).toEqual([true, false, true]);
    }
    expect(Tensor.from([Number.NaN]).to('bool').toArray()).toEqual([true]);
  });

  it('rejects what is no rectangle of numbers', () => {
    expect(() => Tensor.from([[1, 2], [3]])).toThrow(
      'the arrays are ragged: [1] is an array of [1], but the entries before it are an array of [2]',
    );
    expect(() => Tensor.from([1, [2]])).toThrow(
      'ragged: [1] is an array of [1], but the entries before it are a number',
    );
    expect(() => Tensor.from(['a'] as unknown as number[])).toThrow(
      'a tensor is made of numbers, but there is string at [0]',
    );
    expect(() => Tensor.from(null as unknown as number)).toThrow('there is null');
    expect(() => Tensor.from([1, 2], 'int64', [3])).toThrow('dims [3] need 3 elements, but 2 are given');
  });
});

describe('reading', () => {
  it('gives elements as numbers', () => {
    expect(Tensor.from([[1, 2]]).data).toEqual(BigInt64Array.of(1n, 2n));
    expect(Tensor.from([[1, 2]]).to('int32').data).toEqual(Int32Array.of(1, 2));
    expect(new Tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000)).data).toEqual(Float32Array.of(1, -2));
    expect(Tensor.from([7]).item()).toBe(7);
    expect(Tensor.from(true).item()).toBe(true);
    expect(Tensor.from([2n ** 60n]).toArray()).toEqual([2n ** 60n]);
    expect(() => counted(2).item()).toThrow('a Tensor with 2 elements cannot be converted to a number');
    expect(counted(2, 0, 3).toArray()).toEqual([[], []]);
    expect(+Tensor.from(0.5)).toBe(0.5);
    expect(() => +counted(2)).toThrow('a Tensor with 2 elements is not a number');
  });

  it('indexes as numpy does', () => {
    const t = counted(2, 3, 4);
    expect(t[0].dims).toEqual([3, 4]);
    expect(t[-1].data[0]).toBe(12);
    expect(t['0, -1, 2'].item()).toBe(10);
    expect(t[':, -1'].toArray()).toEqual([
      [8, 9, 10, 11],
      [20, 21, 22, 23],
    ]);
    expect(t['..., 1:3'].dims).toEqual([2, 3, 2]);
    expect(t['..., ::-1'][0][0].toArray()).toEqual([3, 2, 1, 0]);
    expect(t['1, ..., None'].dims).toEqual([3, 4, 1]);
    expect(t['None, ...'].dims).toEqual([1, 2, 3, 4]);
    expect(t['5:'].dims).toEqual([0, 3, 4]);
    expect(t[':, :-5'].dims).toEqual([2, 0, 4]);
    expect(t['..., -100:100:3'].dims).toEqual([2, 3, 2]);
    expect([...t].map((row) => row.dims)).toEqual([
      [3, 4],
      [3, 4],
    ]);
    expect(() => t[2]).toThrow('index 2 is out of bounds for dimension 0 with size 2');
    expect(() => t['0,0,0,0']).toThrow('too many indices for tensor of dimension 3 (4 were given)');
    expect(() => {
      Object.assign(t, { 0: 1 });
    }).toThrow('a tensor outside of a trace cannot be assigned to');
  });
});
