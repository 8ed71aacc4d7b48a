import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fitter } from '../../runtime/shapes/fit.ts';
import { constant, type DimFormula, evaluate, product, sum, symbol } from '../../runtime/shapes/formulas.ts';
import { probesFor, SCALES } from '../../runtime/shapes/probe-sizes.ts';

const inputs = new Map([
  ['x', ['batch', 'length'].map(symbol)],
  ['past_key_values.0', [symbol('batch'), constant(4), symbol('past'), constant(32)]],
]);
const sizes = probesFor(inputs, SCALES[0]!).sizes.slice(0, 3);
const formulaFor = fitter(['batch', 'length', 'past'], sizes);

const name = fc.constantFrom('batch', 'length', 'past').map(symbol);
const factor = fc.integer({ min: 1, max: 64 }).map(constant);
const offset = fc.integer({ min: 0, max: 16 }).map(constant);
const family: fc.Arbitrary<DimFormula> = fc.oneof(
  offset,
  fc.tuple(factor, name).map(([k, a]) => product(k, a)),
  fc.tuple(factor, name, name).map(([k, a, b]) => product(k, a, b)),
  fc.tuple(name, offset).map(([a, c]) => sum(a, c)),
  fc.tuple(offset).map(([c]) => sum(symbol('length'), symbol('past'), c)),
  factor.map((k) => product(k, symbol('batch'), sum(symbol('length'), symbol('past')))),
  factor.map((k) => product(k, symbol('batch'), sum(symbol('length'), constant(1)))),
);

describe('the simplest formula for the sizes in three probes', () => {
  test('is the one they were made by', () => {
    fc.assert(
      fc.property(family, (formula) => {
        const found = formulaFor(sizes.map((probe) => evaluate(formula, probe)!));
        expect(found).not.toBeNull();
        for (const batch of [1, 6]) {
          const other = new Map(Object.entries({ batch, length: 19, past: 4 }));
          expect(evaluate(found!, other)).toBe(evaluate(formula, other));
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each<[string, (length: number, past: number) => number]>(
    [2, 3, 4, 8, 16].flatMap((step) => [
      [`length / ${step}, rounded down`, (length: number) => Math.floor(length / step)],
      [`length / ${step}, rounded up`, (length: number) => Math.ceil(length / step)],
      [`length rounded down to a multiple of ${step}`, (length: number) => step * Math.floor(length / step)],
      [`length rounded up to a multiple of ${step}`, (length: number) => step * Math.ceil(length / step)],
      [`at most ${step} of length`, (length: number) => Math.min(length, step)],
      [`at least ${step} of length`, (length: number) => Math.max(length, step)],
      [`at most ${2 * step} of both`, (length: number, past: number) => Math.min(length + past, 2 * step)],
    ]),
  )('is none for %s', (_, made) => {
    expect(formulaFor(sizes.map((probe) => made(probe.get('length')!, probe.get('past')!)))).toBeNull();
  });
});
