import { TraceError } from '../errors.ts';
import { DEEPEST } from '../graph/deepest.ts';
import type { Site } from '../graph/types.ts';

/** From so many calls on, one in another and each in a branch of the one around, branches are counted. */
export const NESTED_CALLS = 6;

/** As many branches as those may have: where each function calls the next one on both sides, their number doubles with each. */
export const MOST_BODIES = 2000;

/** A call of a compiled function that has not ended. */
export interface OpenCall {
  readonly fn: object;
  readonly site: Site;
}

/** The error for bodies that nest too deeply: mostly a function calls itself, and only the run would know when to stop. */
export function tooDeep(calls: readonly OpenCall[], site: Site | null): TraceError {
  const recursive = calls.findLast(({ fn }) => calls.filter((one) => one.fn === fn).length > 2);
  if (!recursive) {
    return new TraceError(
      `More than ${DEEPEST} branches and loops that depend on traced values stand one in another. Give the inner ones their place beside the others: put what is computed into variables, and ask for these one after another.`,
      site,
    );
  }
  const { name } = recursive.fn as { readonly name: string };
  return new TraceError(
    `${name === '' ? 'A function' : `The function ${name}`} calls itself under a traced condition, and both sides of such a condition are recorded: there is no end before the model runs. Write it as a loop (while (condition) { … }), or let a plain number say how deep it goes, ${DEEPEST} at most.`,
    recursive.site,
  );
}

/** The error for functions that call one another in branches, so that nearly all combinations of sides are recorded. */
export function tooMany(calls: readonly OpenCall[], site: Site | null): TraceError {
  const named = [
    ...new Set(calls.map(({ fn }) => (fn as { readonly name: string }).name).filter((name) => name !== '')),
  ];
  const which =
    named.length === 0
      ? 'Functions'
      : `The functions ${named.slice(0, 3).join(', ')}${named.length > 3 ? ' and others' : ''}`;
  return new TraceError(
    `${which} call one another in both sides of traced conditions, and each call is recorded where it stands: more than ${MOST_BODIES} branches, twice as many with each further function. Put the call behind the condition: let next = a; if (test) next = b; f(next).`,
    calls[0]?.site ?? site,
  );
}
