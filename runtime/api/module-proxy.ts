import { TraceError } from '../errors.ts';
import { ownProxy } from '../own-proxies.ts';
import { callerSite, laterSite } from '../tracing/caller.ts';
import { pure } from '../tracing/harmless.ts';
import type { Envoy } from '../types/module.ts';
import type { ModuleEnvoy } from './module-envoy.ts';
import { isListMethod, type ListMethod, listMethod } from './module-list.ts';
import { join } from './names.ts';

/** A module as users hold it: members, children by name and index, parameters by name; callable. */
export function moduleProxy(envoy: ModuleEnvoy): Envoy {
  const { module, map } = envoy;
  const members = map.names.members(envoy.path);
  const has = (key: PropertyKey): key is string =>
    typeof key === 'string' && !members.has(key) && (envoy.inner(key) !== undefined || envoy.hasParameter(key));
  const isLength = (key: PropertyKey) => key === 'length' && module.list;
  const isMethod = (key: PropertyKey): key is ListMethod =>
    module.list && isListMethod(key) && !module.children.has(key);
  const hasMember = (key: PropertyKey): key is string => typeof key === 'string' && key !== 'then' && members.has(key);
  // Node prints what stands behind a proxy, not the proxy.
  const printed = Object.assign(() => {}, { [Symbol.for('nodejs.util.inspect.custom')]: () => envoy.toString() });
  const proxy = ownProxy<object>(
    printed,
    {
      get(_, key) {
        if (key === Symbol.iterator) return pure(() => envoy[Symbol.iterator]());
        if (key === Symbol.toPrimitive) return pure(() => envoy.toString());
        if (typeof key === 'symbol') return envoy.symbol(key);
        if (members.has(key)) return envoy.member(key);
        if (isLength(key)) return module.children.size;
        const holder = map.names.extensions.holder(module, key);
        if (holder) return Reflect.get(holder, key, proxy);
        if (isMethod(key)) return listMethod([...envoy], key);
        const found = envoy.named(key);
        return key === 'then' && typeof found === 'function' ? awaited(envoy.path, found) : found;
      },
      set(_, key, value) {
        const holder = typeof key === 'string' && map.names.extensions.holder(module, key);
        if (!holder) envoy.set(key, value);
        else if (!Reflect.set(holder, key, value, proxy)) {
          throw new TraceError(
            `${join(envoy.path, String(key))} cannot be set: its class has no setter for it.`,
            callerSite(),
          );
        }
        return true;
      },
      deleteProperty(_, key) {
        throw new TraceError(
          `${join(envoy.path, String(key))} cannot be deleted: a model keeps its modules. To leave one out in a trace call skip(value) of it.`,
          callerSite(),
        );
      },
      defineProperty(_, key) {
        throw new TraceError(
          `A property '${String(key)}' cannot be defined: ${envoy.path || 'the model'} has its modules and members. Assign to .output or .input, or attach a model under a new name.`,
          callerSite(),
        );
      },
      has: (_, key) =>
        key === Symbol.iterator ||
        hasMember(key) ||
        isLength(key) ||
        isMethod(key) ||
        has(key) ||
        (typeof key === 'string' && map.names.extensions.holder(module, key) !== undefined),
      // A child that a member hides is not an own property: the name gives the member.
      ownKeys: () => [...module.children.keys()].filter((name) => !members.has(name)),
      getOwnPropertyDescriptor: (_, key) =>
        has(key) && module.children.has(key)
          ? { value: envoy.inner(key)!.proxy, enumerable: true, configurable: true }
          : undefined,
      preventExtensions: () => false,
      setPrototypeOf: () => false,
      apply: (_, __, values) => envoy.call(values),
    },
    envoy,
  );
  return proxy as Envoy;
}

/** A module called `then`: JavaScript calls it with two functions if the module around it is awaited. */
function awaited(path: string, then: object): object {
  // When it is called, the user's code is not on the stack any more.
  const site = laterSite();
  return ownProxy(then, {
    apply(target, self, values) {
      if (!values.some((value) => typeof value === 'function'))
        return Reflect.apply(target as () => unknown, self, values);
      throw new TraceError(
        `${path} has a module called 'then', so JavaScript takes it for a promise when it is awaited or returned from an async function. Pass it in an array or an object.`,
        site(),
      );
    },
  });
}
