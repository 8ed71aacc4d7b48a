import { isOwnProxy } from '../own-proxies.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { isOurs } from '../tracing/harmless.ts';
import { isIntrinsic } from './intrinsics.ts';

/**
 * Notes that an object is asked for something that may be other the next time: it is neither a module or a tensor, nor of
 * the language, nor made by the block, nor one of which the guards of the block tell all.
 */
export function noteAsked(object: unknown): void {
  const target = activeBuilder();
  if (!target?.isRepeatable || Object(object) !== object) return;
  const asked = object as object;
  const isKnown = isOwnProxy(asked) || Array.isArray(asked) || isOurs(asked) || isIntrinsic(asked);
  if (!isKnown && !target.isMade(asked) && !target.guarded.has(asked)) target.isRepeatable = false;
}
