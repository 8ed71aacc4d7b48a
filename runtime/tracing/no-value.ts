import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';

const COMPILE =
  "Either run this file through the onnsight plugin (onnsight/register, onnsight/vite, npx onnsight build, tsc of TypeScript 5.4 to 6 with ts-patch), or, if it is a helper function, put the directive 'use trace' at its top.";

/**
 * JavaScript wants a traced tensor as a primitive value of the kind `hint`, or as JSON: it has none before the run.
 * @param native the function of JavaScript that wants it; null: an operator does, or one that a function was given to
 */
export function noValue(hint: string, native: string | null, site: Site | null): TraceError {
  if (hint === 'JSON') {
    return new TraceError(
      'A value of a trace is written as JSON, but it has no elements before the model runs. save() it and write the result: JSON.stringify(result.toArray()).',
      site,
    );
  }
  if (native !== null) {
    const [wanted, remedy] =
      hint === 'string'
        ? ['text', 'Print it with console.log(tensor), or save() it and format the result.']
        : [
            'number',
            `Use operators and the functions of Math and of onnsight, which become part of the graph, or save() it and call ${native} on the result.`,
          ];
    return new TraceError(
      `${native} wants a ${wanted}, but a value of a trace has none before the model runs. ${remedy}`,
      site,
    );
  }
  if (hint === 'string') {
    return new TraceError(
      `A value of a trace is used as a text (in a template string, join() or as a key), but it has no value before the model runs, and the code that does it was not compiled, so it cannot become part of the graph. Print it with console.log(tensor), or save() it and format the result. ${COMPILE}`,
      site,
    );
  }
  return new TraceError(
    `An operator, or a function that wants a number, met a value of a trace in code that was not compiled, so it cannot become part of the graph. ${COMPILE}`,
    site,
  );
}
