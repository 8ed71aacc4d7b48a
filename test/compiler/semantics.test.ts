import { describe, expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';
import * as runtime from '../../runtime/operators/index.ts';
import { PROGRAMS } from './programs.ts';
import { lower, outcome } from './run.ts';

/**
 * On plain values a lowered program does exactly what the original does: same results, same order, same errors. With the
 * operators of the contract, which check how they are called, and with those of the runtime.
 */
describe.each(Object.entries(PROGRAMS))('%s', (_, programs) => {
  it.each(programs.map((code, index) => [index, code] as const))('program %i', async (_, code) => {
    const lowered = lower(code);
    const expected = await outcome(code);
    expect(await outcome(lowered), lowered).toBe(expected);
    expect(await outcome(lowered, runtime), lowered).toBe(expected);
    expect(transform(lowered, { file: 'program.ts', id: '/project/program.ts' })).toBeNull();
  });
});
