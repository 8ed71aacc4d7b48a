import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';
import type { ModelMap } from './model-map.ts';
import { activeTracing } from './tracing.ts';

/** In a generation: from here on, the module at a path is that of a later step. */
export function nextStep(map: ModelMap, path: string, steps: number): void {
  const forwards = activeTracing()?.forwards;
  const known = forwards?.offsets.get(map) ?? new Map<string, number>();
  const offset = (known.get(path) ?? 0) + steps;
  if (forwards?.stepForward?.(offset)) {
    forwards.offsets.set(map, known.set(path, offset));
    return;
  }
  throw new TraceError(
    forwards?.stepForward
      ? `${path}.next(): the generation has no further step. Give more with maxNewTokens.`
      : `${path}.next() works in the block of model.generate(…) only.`,
    callerSite(),
  );
}
