import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NNsight, save, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import * as functions from '../../runtime/functions/index.ts';
import type { DType } from '../../runtime/graph/types.ts';
import { block } from '../../runtime/operators/blocks.ts';
import type { AnyTensor } from '../../runtime/tensor/tensor.ts';
import type { Traced } from '../../runtime/types/tensor.ts';
import { tensorsOf } from './cases.ts';

/** A call, and what PyTorch gives for it: tensors, or an error (test/tools/random_calls.py). */
interface Row {
  readonly fn: string;
  readonly args: readonly unknown[];
  readonly out: unknown;
}
const rows: readonly Row[] = JSON.parse(
  readFileSync(new URL('../fixtures/random-calls.json', import.meta.url), 'utf8'),
);

/** What is refused here and not in PyTorch, each with its remedy in the message. */
const REFUSED =
  /product of whole numbers may be beyond|does not fit in u?int\d+, whose numbers|it takes numbers, but the tensors are bool|products convert nothing|divided by 0 to take the rest|does not support bool input|same number of dimensions: got|have non-zero size|scatter_add takes numbers|is out of bounds for dimension 0 with size 0|cannot broadcast on dim|is not implemented for (?:u?int|bool)|size -1 can be any value/;
/** What PyTorch has no kernel for. */
const MORE =
  /not implemented for|must be either float or double|dim must be a 2-tuple|unexpected error|doesn't match the broadcast shape|does not have an identi|dimension is empty|expected scalar type Long|without overflow/;
/** PyTorch adds up whole numbers of some einsums as int64. */
const OTHER_DTYPE = new Set(['einsum']);
/** Sums that begin with 0 in PyTorch and with their first term here, one of equal zeros, and 0.5 as an exponent. */
const ANY_ZERO = new Set([
  'sum',
  'mean',
  'cumsum',
  'median',
  'crossEntropy',
  'cosineSimilarity',
  'einsum',
  'pow',
  'layerNorm',
  'nllLoss',
]);

const ARRAYS = {
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

interface Written {
  readonly $tensor?: DType;
  readonly dims?: readonly number[];
  readonly raw?: string;
  readonly $number?: string;
}

function decoded(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decoded);
  const { $tensor, dims, raw, $number } = value as Written;
  if ($tensor) {
    const { buffer } = new Uint8Array(Buffer.from(raw!, 'base64'));
    return new Tensor($tensor, dims!, new ARRAYS[$tensor](buffer) as never);
  }
  if ($number) return $number === 'nan' ? Number.NaN : Number($number.replace('inf', 'Infinity'));
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, decoded(entry)]));
}

function called({ fn, args }: Row): readonly AnyTensor[] {
  const call = Reflect.get(functions, fn) as (...args: unknown[]) => never;
  const result = call(...(decoded(args) as unknown[])) as unknown;
  return tensorsOf(typeof result === 'number' ? Tensor.from(result) : (result as never)) as readonly AnyTensor[];
}

const message = (error: unknown) => (error as Error).message;
const text = ({ fn, args }: Row) => `${fn}(${JSON.stringify(args)})`;
const errorOf = ({ out }: Row) => (out as { $error?: string }).$error;

/** Each row with what it gave, or with its error. */
const outcomes = rows.map((row) => {
  try {
    return { row, tensors: called(row) };
  } catch (error) {
    return { row, error };
  }
});

const TOLERANCE: Partial<Record<DType, number>> = { float16: 4e-3, float32: 3e-5, float64: 3e-5 };

function difference(actual: AnyTensor, wanted: AnyTensor, fn: string): string | null {
  if (actual.dims.join() !== wanted.dims.join()) return `dims [${actual.dims}], not [${wanted.dims}]`;
  if (actual.dtype !== wanted.dtype) return OTHER_DTYPE.has(fn) ? null : `${actual.dtype}, not ${wanted.dtype}`;
  const allowed = TOLERANCE[wanted.dtype] ?? 0;
  for (let i = 0; i < wanted.data.length; i++) {
    const [a, b] = [actual.data[i]!, wanted.data[i]!];
    if (Object.is(a, -0) !== Object.is(b, -0) && a === b && !ANY_ZERO.has(fn)) return `${a} with another sign at ${i}`;
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (typeof a === 'number' && Math.abs(a - Number(b)) <= allowed * Math.max(1, Math.abs(Number(b)))) continue;
    return `${a}, not ${b} at ${i}`;
  }
  return null;
}

describe('functions of tensors on random arguments', () => {
  it('give what PyTorch gives, or an error where it has one', () => {
    expect(rows.length).toBeGreaterThan(800);
    const wrong = outcomes.flatMap(({ row, tensors, error }) => {
      const refused = errorOf(row);
      if (refused !== undefined) return error || MORE.test(refused) ? [] : `${text(row)} is an error: ${refused}`;
      if (!tensors) return REFUSED.test(message(error)) ? [] : `${text(row)}: ${message(error)}`;
      const wanted = tensorsOf(decoded(row.out) as never) as readonly AnyTensor[];
      const found = wanted.map((one, i) => difference(tensors[i]!, one, row.fn)).find((one) => one !== null);
      return found ? `${text(row)} gives ${found}` : [];
    });
    expect(wrong).toEqual([]);
  });

  it('give the same bits in a block', async () => {
    const path = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
    const model = await NNsight.load(path, { device: 'cpu' });
    const valid = outcomes.filter(({ tensors, row }) => tensors && !NUMBERS.has(row.fn));
    const wrong: string[] = [];
    for (let start = 0; start < valid.length; start += 150) {
      const part = valid.slice(start, start + 150);
      const results = (await model.trace(
        { x: [[0, 0, 0, 0, 0]] },
        block(() => part.map(({ row }) => called(row).map((one) => save(one as unknown as Traced)))),
      )) as Tensor[][];
      part.forEach(({ row, tensors }, i) => {
        const [inBlock, outside] = [results[i]!.map(bits), tensors!.map(bits)];
        if (inBlock.join() !== outside.join()) wrong.push(`${text(row)} gives ${inBlock} and ${outside}`);
      });
    }
    expect(wrong).toEqual([]);
  });
});

/** Functions that give numbers of JavaScript where they are known. */
const NUMBERS = new Set(['numel']);

function bits({ dtype, dims, raw }: AnyTensor): string {
  // A NaN is one whatever its bits.
  const elements = Array.from(raw as ArrayLike<number | bigint>, (one) => (Object.is(one, -0) ? '-0' : one));
  return `${dtype}[${dims}] ${elements}`;
}
