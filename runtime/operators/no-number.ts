import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isOwnProxy } from '../own-proxies.ts';
import { Tensor } from '../tensor/tensor.ts';
import { checkNoModule } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { isOurs } from '../tracing/harmless.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { isIntrinsic } from './intrinsics.ts';

/** @throws TraceError in a block, where a number is to be made of an array of them; `remedy` is what to write */
export function checkArray(x: unknown, remedy: string, site: Site): void {
  if (!activeBuilder() || !isNumbers(x)) return;
  throw new TraceError(
    `JavaScript does not compute with the elements of an array: it makes a text of the array, and NaN of that. Make a tensor of it, with tensor of onnsight: ${remedy}.`,
    site,
  );
}

/** The same for an operator, and for any other object that has no number: a module, a buffer, a Map, a function. */
export function checkHasNumber(x: unknown, remedy: string, site: Site): void {
  checkArray(x, remedy, site);
  if (!activeBuilder()) return;
  checkNoModule(x, () => site);
  if (!isTextOnly(x) || !Number.isNaN(Number(x))) return;
  const kind = Object.prototype.toString.call(x).slice('[object '.length, -1);
  const [shown, instead] = isOurs(x.toString)
    ? [x, 'its output']
    : [kind, /Buffer$|^DataView$/.test(kind) ? 'tensor(new Float32Array(buffer))' : 'the numbers that are in it'];
  throw new TraceError(
    `JavaScript has no number for this value (${shown}): it makes a text of it, and NaN of that. Compute with ${instead}.`,
    site,
  );
}

/** A typed array, or an array that is no number to JavaScript: one of several numbers or traced values, or of arrays of them. */
export function isNumbers(x: unknown): boolean {
  if (ArrayBuffer.isView(x)) return !(x instanceof DataView);
  if (!Array.isArray(x)) return false;
  return x.length > 1 ? beginsWithNumber(x) : x.length === 1 && isNumbers(x[0]);
}

function beginsWithNumber([first]: readonly unknown[]): boolean {
  if (Array.isArray(first)) return beginsWithNumber(first);
  return typeof first === 'number' || first instanceof TensorProxy || ArrayBuffer.isView(first);
}

/** An object that JavaScript can only make a text of, by functions of its own. */
function isTextOnly(x: unknown): x is object {
  if (Object(x) !== x || (isOwnProxy(x) && !Array.isArray(x)) || x instanceof Tensor) return false;
  const of = (name: PropertyKey): unknown => Reflect.get(x as object, name);
  if (of(Symbol.toPrimitive) !== undefined || of('valueOf') !== Object.prototype.valueOf) return false;
  const text = of('toString');
  return typeof text === 'function' && (isIntrinsic(text) || isOurs(text));
}
