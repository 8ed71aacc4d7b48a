import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';
import type { ModelMap } from './model-map.ts';
import { activeTracing } from './tracing.ts';

/** In a generation: from here on, the module at a path is that of a later step. */
export function nextStep(map: ModelMap, path: string, steps: number): void {
  const tracing = activeTracing();
  const known = tracing?.offsets.get(map) ?? new Map<string, number>();
  const offset = (known.get(path) ?? 0) + steps;
  if (tracing?.stepForward?.(offset)) {
    tracing.offsets.set(map, known.set(path, offset));
    return;
  }
  throw new TraceError(
    tracing?.stepForward
      ? `${path}.next(): the generation has no further step. Give more with maxNewTokens.`
      : `${path}.next() works in the block of model.generate(…) only.`,
    callerSite(),
  );
}
