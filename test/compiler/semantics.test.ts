import { describe, expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';
import { PROGRAMS } from './programs.ts';
import { lower, outcome } from './run.ts';

/** On plain values a lowered program does exactly what the original does: same results, same order, same errors. */
describe.each(Object.entries(PROGRAMS))('%s', (_, programs) => {
  it.each(programs.map((code, index) => [index, code] as const))('program %i', async (_, code) => {
    const lowered = lower(code);
    expect(await outcome(lowered), lowered).toBe(await outcome(code));
    expect(transform(lowered, { file: 'program.ts', id: '/project/program.ts' })).toBeNull();
  });
});
