import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { type DType, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';

/** What PyTorch prints (test/tools/printing_fixtures.py). */
interface Row {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly values: readonly (number | boolean | string)[];
  readonly printed: string;
}

const rows: readonly Row[] = JSON.parse(readFileSync(new URL('../fixtures/printing.json', import.meta.url), 'utf8'));
const NAMES: Readonly<Record<string, number>> = { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY };

function tensorOf({ dtype, dims, values }: Row): Tensor<DType> {
  const numbers = values.map((value) => (typeof value === 'string' ? (NAMES[value] ?? numberOf(value)) : value));
  return Tensor.from(numbers as number[], dtype, dims);
}

const numberOf = (text: string) => (text === 'nan' ? Number.NaN : BigInt(text));

describe('a tensor prints as in PyTorch:', () => {
  it.each(rows)('$name', (row) => {
    expect(String(tensorOf(row))).toBe(row.printed);
    expect(inspect(tensorOf(row))).toBe(row.printed);
  });
});
