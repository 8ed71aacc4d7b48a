/** The proxies that this library made. Those of a program are its own: whatever they are asked may have an effect. */
const own = new WeakSet<object>();

export function ownProxy<T extends object>(target: T, handler: ProxyHandler<T>): T {
  const proxy = new Proxy(target, handler);
  own.add(proxy);
  return proxy;
}

export function isOwnProxy(value: unknown): boolean {
  return own.has(value as object);
}

/** `value instanceof type` for a class whose instances are proxies of this library: no other object is asked. */
export function isOwnInstance(type: object, value: unknown): boolean {
  return isOwnProxy(value) && Function.prototype[Symbol.hasInstance].call(type as never, value);
}
