import { TraceError } from '../errors.ts';
import { DEEPEST } from '../graph/deepest.ts';
import type { Site } from '../graph/types.ts';

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
