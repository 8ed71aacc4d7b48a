/** The proxies that this library made. Those of a program are its own: whatever they are asked may have an effect. */
const own = new WeakSet<object>();

/**
 * What stands behind some of them. Not behind each: small garbage collections keep what a WeakMap leads to, and a trace
 * makes many.
 */
const behind = new WeakMap<object, object>();

/** @param stands the object behind it, for `standsBehind` */
export function ownProxy<T extends object>(target: T, handler: ProxyHandler<T>, stands?: object): T {
  const proxy = new Proxy(target, handler);
  own.add(proxy);
  if (stands) behind.set(proxy, stands);
  return proxy;
}

/** What stands behind a proxy of this library, as it was given; undefined for other values. */
export function standsBehind(value: unknown): object | undefined {
  return behind.get(value as object);
}

export function isOwnProxy(value: unknown): boolean {
  return own.has(value as object);
}

/** `value instanceof type` for a class whose instances are proxies of this library: no other object is asked. */
export function isOwnInstance(type: object, value: unknown): boolean {
  return isOwnProxy(value) && Function.prototype[Symbol.hasInstance].call(type as never, value);
}
