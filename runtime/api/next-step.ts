import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';
import { activeTracing } from './tracing.ts';

/** In a generation: from here on, the module at a path is that of a later step. */
export function nextStep(path: string, steps: number): void {
  const tracing = activeTracing();
  const offset = (tracing?.offsets.get(path) ?? 0) + steps;
  if (tracing?.stepForward?.(offset)) {
    tracing.offsets.set(path, offset);
    return;
  }
  throw new TraceError(
    tracing?.stepForward
      ? `${path}.next(): the generation has no further step. Give more with maxNewTokens.`
      : `${path}.next() works in the block of model.generate(…) only.`,
    callerSite(),
  );
}
