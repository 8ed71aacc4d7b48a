import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isHarmless } from '../tracing/harmless.ts';
import { isModule } from '../tracing/model.ts';
import { isCompiled } from './blocks.ts';
import { isIntrinsic } from './intrinsics.ts';

/** Refuses a function whose effects are not known. */
export function checkKnown(fn: object, site: Site | null): void {
  const isAsync = /^\[object Async/.test(Object.prototype.toString.call(fn));
  if (isAsync && !isHarmless(fn)) {
    throw new TraceError(
      `${nameOf(fn)} is asynchronous and called in a branch or loop that depends on a traced value, which is over before it goes on. Call it before the trace.`,
      site,
    );
  }
  if (isCompiled(fn) || isHarmless(fn) || isModule(fn) || isIntrinsic(fn)) return;
  throw new TraceError(
    `${nameOf(fn)} was not compiled and is called in a branch or loop that depends on a traced value: what it changes would be changed even where that does not run. Put the directive 'use trace' at its top; if it is a library's and changes nothing that others can see, say so with pure() of onnsight; or call it before.`,
    site,
  );
}

function nameOf(fn: object): string {
  const { name } = fn as { name?: unknown };
  return typeof name === 'string' && name !== '' ? `The function ${name}` : 'A function without a name';
}
