/**
 * The conditionals of compiled code. All sides stand in one closure, in a conditional of JavaScript itself: that is where
 * debuggers stop, and what coverage reports count as branches. A closure is called once for each side that runs or is
 * recorded.
 */

import type { Site } from '../graph/types.ts';
import type { State } from '../tracing/slots.ts';
import { type Completion, isAbrupt, type Return, return_, valueOfReturn } from './completions.ts';
import { and, andThen, conditional, firstOf, if_, or } from './conditionals.ts';
import { coalesce } from './nullish.ts';

/** `if … else` */
export function ifElse(test: unknown, sides: (is: boolean) => Completion, state: State | null, site: Site): Completion {
  return if_(
    test,
    () => sides(true),
    () => sides(false),
    state,
    site,
  );
}

/** What follows a statement that may have jumped. Where that has, the closure runs past it, to be counted. */
type Rest = (is: boolean) => Completion;

/** The statements after one that may have jumped: they run where it ended normally. */
export function proceed(completion: Completion, rest: Rest, state: State | null, site: Site): Completion {
  if (isAbrupt(completion)) {
    rest(false);
    return completion;
  }
  return andThen(completion, () => rest(true), state, site);
}

/** The parts of a long list, one beside the other: each runs where those before ended normally. */
export function inTurn(
  first: Completion,
  parts: readonly (readonly [rest: Rest, state: State | null, site: Site])[],
): Completion {
  let end = first;
  for (const part of parts) {
    const isOver = isAbrupt(end);
    end = proceed(end, ...part);
    if (isOver) break;
  }
  return end;
}

/** A further condition, null for the `else`, and its line. */
type Link = readonly [test: (() => unknown) | null, site: Site];

/** A long `if … else if … else`: `sides` does the body of the condition of that index. */
export function chain(
  test: unknown,
  links: readonly Link[],
  sides: (index: number) => Completion,
  state: State | null,
  site: Site,
): Completion {
  const body = (index: number) => () => sides(index);
  const bodies = links.map(([one, at], i) => [one, body(i + 1), at] as const);
  return firstOf(test, body(0), bodies, state, site);
}

/** `?:` */
export function ternary(test: unknown, sides: (is: boolean) => unknown, state: State | null, site: Site): unknown {
  return conditional(
    test,
    () => sides(true),
    () => sides(false),
    state,
    site,
  );
}

/** A long `c ? a : d ? b : …`: `sides` gives the value of the condition of that index, or the last one. */
export function choose(
  test: unknown,
  links: readonly (readonly [test: () => unknown, site: Site])[],
  sides: (index: number) => unknown,
  state: State | null,
  site: Site,
): unknown {
  const giving = (index: number) => return_(sides(index));
  return valueOfReturn(chain(test, [...links, [null, site]], giving, state, site) as Return);
}

/** The right side of a logical operator, behind what stands for its left side. */
type Right = (left: boolean | null) => unknown;

/** `&&` */
export function andRight(a: unknown, b: Right, site: Site, state: State | null = null): unknown {
  return withRight(and, a, b, true, site, state);
}

/** `||` */
export function orRight(a: unknown, b: Right, site: Site, state: State | null = null): unknown {
  return withRight(or, a, b, false, site, state);
}

/** `??` */
export function nullishRight(a: unknown, b: Right, site: Site, state: State | null = null): unknown {
  return withRight(coalesce, a, b, null, site, state);
}

/** Gives the right side where the operator asks for it. Where it does not, the closure runs past it, to be counted. */
function withRight(
  operator: typeof coalesce,
  a: unknown,
  right: Right,
  asking: boolean | null,
  site: Site,
  state: State | null,
): unknown {
  let isAsked = false;
  const ask = () => {
    isAsked = true;
    return right(asking);
  };
  const value = operator(a, ask, site, state);
  if (!isAsked) right(!asking);
  return value;
}
