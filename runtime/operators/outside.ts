import { types } from 'node:util';
import type { Builder } from '../tracing/builder.ts';
import { entrySlot } from '../tracing/containers.ts';
import { isModule } from '../tracing/model.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { ArraySlot, PropertySlot } from '../tracing/slots.ts';
import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';

/*
 * What is about to change where no body of a branch or loop is recorded: of objects from outside, code after the trace
 * sees it. In bodies, effects.ts notes it with all else.
 */

/** `object[key] = …` */
export function setsOutside(target: Builder, object: unknown, key: PropertyKey): void {
  if (!isFromOutside(target, object)) return;
  if (Array.isArray(object)) target.noteOutside(ArraySlot.of(target, object));
  else if (!Object.getOwnPropertyDescriptor(object, key)?.get) target.noteOutside(PropertySlot.of(target, object, key));
}

/** A call of a function of JavaScript that puts values into an object: others get no values that only the run knows. */
export function callsOutside(target: Builder, { fn, receiver, values }: Call): void {
  if (!isIntrinsic(fn)) return;
  const [first, ...sources] = values;
  if (Array.isArray(receiver)) setsOutside(target, receiver, 'length');
  else if (fn === Map.prototype.set && isFromOutside(target, receiver))
    target.noteOutside(entrySlot(target, receiver as Map<unknown, unknown>, first));
  else if (fn === Object.assign)
    for (const key of sources.flatMap((source) => Object.keys(Object(source)))) setsOutside(target, first, key);
}

function isFromOutside(target: Builder, object: unknown): object is object {
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null) return false;
  if (types.isProxy(object) || target.isMade(object) || ArrayBuffer.isView(object)) return false;
  return !(object instanceof TensorProxy) && !isModule(object);
}
