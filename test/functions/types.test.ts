import { describe, expect, it } from 'vitest';
import { asProxy } from '../../runtime/functions/nodes.ts';
import { Builder, withBuilder } from '../../runtime/tracing/builder.ts';
import { inner } from '../../runtime/tracing/hidden.ts';
import type { Traced } from '../../runtime/types/tensor.ts';
import { casesByFunction, tensorsOf } from './cases.ts';

/** A block without a model: operands and functions only. */
const withoutModel = () => new Builder();

describe.each([...casesByFunction()])('%s', (_, cases) => {
  it.each(cases)('is typed as PyTorch does: $name', ({ call, expected, error }) => {
    withBuilder(withoutModel(), () => {
      if (expected === null) {
        expect(call).toThrow(error ?? '');
        return;
      }
      const types = tensorsOf(call() as Exclude<Traced, number>).map((traced) => asProxy(traced as Traced)[inner].type);
      tensorsOf(expected).forEach(({ dtype, dims }, i) => {
        expect(types[i]?.dtype).toBe(dtype);
        // What only the run can tell is null.
        expect(types[i]?.shape?.map((size, dim) => size ?? dims[dim])).toEqual(dims);
      });
    });
  });
});
