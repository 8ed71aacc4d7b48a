import type { Tensor } from 'onnsight';
import { expect } from 'vitest';
import { type Expected, expectGradient, expectNumbers, fixture } from './pytorch.ts';

const { cases } = fixture('toy');

/** What the reference has under a name: a gradient, one in a list or a record, or plain numbers. */
function expectedOf(wanted: Record<string, unknown>, name: string): unknown {
  const own = wanted[name] ?? (wanted.grads as Record<string, unknown> | undefined)?.[name];
  if (own !== undefined) return own;
  const [outer, ...inner] = name.split('.');
  return inner.reduce((found, key) => (found as Record<string, unknown> | undefined)?.[key], wanted[outer!]);
}

/** Fails unless what a block of the reference gave is PyTorch's. */
export function expectCase(name: string, found: Readonly<Record<string, Tensor>>): void {
  for (const [key, actual] of Object.entries(found)) {
    const expected = expectedOf(cases[name], key);
    expect(expected, `the reference has no ${key}`).toBeDefined();
    if (typeof expected === 'number') expectNumbers(actual.data as ArrayLike<number>, [expected], key);
    else if (Array.isArray(expected)) expectNumbers(actual.data as ArrayLike<number>, expected.flat(), key);
    else expectGradient(actual, expected as Expected, key);
  }
}
