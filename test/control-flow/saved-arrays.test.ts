import { save, type Tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { lm } from '../errors/support.ts';

const PROMPT = 'The Eiffel';
const norms = async (): Promise<number[]> => {
  const all: Tensor[] = await lm.trace(PROMPT, () => {
    const found: Tensor[] = [];
    for (const { output } of lm.transformer.h) found.push(output.norm());
    return save(found);
  });
  return all.map((one) => Number(one.item()));
};

/** The norms of the layers in plain JavaScript, and a block that saves them in one branch. */
it.each([1, 60, 1000])('an array that a branch filled and saved is returned from that branch: %i', async (limit) => {
  const plain = await norms();
  const { transformer } = lm;
  const early = await lm.trace(PROMPT, () => {
    const first = transformer.h[0].output.norm();
    if (first > limit) return { big: save(first) };
    const xs: (typeof first)[] = [];
    for (const { output } of transformer.h) if (output.norm() > limit / 10) xs.push(output.norm());
    return { xs: save(xs), more: save({ at: [xs, 1] }) };
  });
  const assigned = await lm.trace(PROMPT, () => {
    const first = transformer.h[0].output.norm();
    let out: unknown;
    if (first > limit) out = 1;
    else {
      const xs: (typeof first)[] = [];
      if (first > limit / 10) xs.push(first * 2);
      out = save(xs);
    }
    return { out };
  });
  const shown = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (_, one) => (one?.dtype ? Number(one.data[0].toFixed(2)) : one)));
  const rounded = (value: number) => Number(value.toFixed(2));
  const kept = plain.filter((one) => one > limit / 10).map(rounded);
  const isBig = plain[0]! > limit;
  expect(shown(early)).toEqual(isBig ? { big: rounded(plain[0]!) } : { xs: kept, more: { at: [kept, 1] } });
  const doubled = plain[0]! > limit / 10 ? [rounded(plain[0]! * 2)] : [];
  expect(shown(assigned)).toEqual({ out: isBig ? 1 : doubled });
});
