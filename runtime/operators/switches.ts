import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { hasPass } from '../tracing/last-pass.ts';
import type { State } from '../tracing/slots.ts';
import { binary } from './binary.ts';
import { type Completion, isNormal, Jump, mapEnds, withoutBreak } from './completions.ts';
import { and, where } from './conditionals.ts';
import { both, either, not, type Truth, truthOf } from './truth.ts';

/** What is compared with the value (`null` for `default`; a function finds it out), and the user's line. */
export type Clause = readonly [test: unknown, site: Site];

/** The end of what stands before the clause that is entered. */
const OUTSIDE = new Jump('break', 'switch');

/** `switch`: `bodies` does one clause; they stand side by side, each where it is entered or the one before falls through to it. */
export function switch_(
  value: unknown,
  clauses: readonly Clause[],
  bodies: (index: number) => Completion,
  state: State | null,
): Completion {
  const entries = entriesOf(value, clauses, state);
  const passes: ClausePass[] = [];
  const body = (index: number) => {
    const end = bodies(index);
    const target = activeBuilder();
    if (target) passes.push({ has: hasPass(target), isOpen: end === undefined });
    return end;
  };
  let end: Completion = OUTSIDE;
  clauses.forEach(([, site], i) => {
    end = where(either(isNormal(end), entries[i]!), () => body(i), end, state, site);
  });
  if (clauses.some(([test]) => test === null) && passes.every(hasOrGoesOn)) activeBuilder()?.passes.settle();
  const left = mapEnds(end, (one) => (one === OUTSIDE ? undefined : one));
  return withoutBreak(left, null);
}

/** Whether a clause has a backward pass at its end, and whether it surely falls through to the next one. */
interface ClausePass {
  readonly has: boolean;
  readonly isOpen: boolean;
}

/** Whether there is a pass behind a switch that enters at this clause. */
function hasOrGoesOn({ has, isOpen }: ClausePass, i: number, all: readonly ClausePass[]): boolean {
  return has || (isOpen && i + 1 < all.length && hasOrGoesOn(all[i + 1]!, i + 1, all));
}

/** Whether each clause is the one that is entered. What is compared is found out as long as nothing was equal. */
function entriesOf(value: unknown, clauses: readonly Clause[], state: State | null): readonly Truth[] {
  let isOpen: Truth = true;
  const entries = clauses.map(([test, site]): Truth => {
    if (test === null || isOpen === false) return false;
    const isEqual = () => truthOf(binary('===', value, typeof test === 'function' ? test() : test, site), site);
    const isEntered: Truth =
      typeof test === 'function' ? truthOf(and(isOpen, isEqual, site, state), site) : both(isOpen, isEqual());
    isOpen = both(isOpen, not(isEntered));
    return isEntered;
  });
  return clauses.map(([test], i) => (test === null ? isOpen : entries[i]!));
}
