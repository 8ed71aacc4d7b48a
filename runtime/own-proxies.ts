/** The proxies that this library made, and what stands behind each. Those of a program are its own: whatever they are asked may have an effect. */
const behind = new WeakMap<object, object>();

/** @param stands what stands behind it, for this library: the target, if it is nothing else */
export function ownProxy<T extends object>(target: T, handler: ProxyHandler<T>, stands: object = target): T {
  const proxy = new Proxy(target, handler);
  behind.set(proxy, stands);
  return proxy;
}

/** What stands behind a proxy of this library; undefined for other values. */
export function standsBehind(value: unknown): object | undefined {
  return behind.get(value as object);
}

export function isOwnProxy(value: unknown): boolean {
  return behind.has(value as object);
}

/** `value instanceof type` for a class whose instances are proxies of this library: no other object is asked. */
export function isOwnInstance(type: object, value: unknown): boolean {
  return isOwnProxy(value) && Function.prototype[Symbol.hasInstance].call(type as never, value);
}
