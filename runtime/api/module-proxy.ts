import { TraceError } from '../errors.ts';
import { findModule } from '../modules/find.ts';
import type { Module } from '../modules/module.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { guess, nearest } from '../nearest.ts';
import { MODULES } from '../operators/effects.ts';
import { copy } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { pure } from '../tracing/harmless.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { atCaller } from './at-caller.ts';
import { Envoy } from './envoy.ts';
import { isSettable, memberNames } from './member-names.ts';
import { Tracing } from './tracing.ts';

/** What a model has besides its modules. */
export interface ModelMembers {
  /** Runs the model on values of the forward that is traced. */
  forward(values: readonly unknown[]): TensorProxy;
  /** An entry point beside trace, if there is one of the name. */
  method(name: string): unknown;
}

/** The models among the modules that users hold. */
const MODELS = new WeakSet<object>();

const SILENT = new Set<PropertyKey>(['then', 'toJSON', 'asymmetricMatch', '$$typeof', 'nodeType', 'constructor']);

/** A module as users hold it: members, children by name and index, parameters by name; callable. */
export function moduleProxy(
  envoy: Envoy,
  extra: ModelMembers | null = null,
  aliases: ReadonlyMap<string, string> = new Map(),
): unknown {
  const children = new Map<string, unknown>();
  const module: Module = envoy.map.find(envoy.path);
  const child = (name: string, members: Iterable<string> = []): unknown => {
    const path = aliases.get(join(envoy.path, name)) ?? join(envoy.path, name);
    let found = envoy.map.attached.get(path) ?? children.get(name);
    if (!found) {
      const { path: resolved } = atCaller(() => findModule(envoy.map.tree, path, members));
      found = moduleProxy(new Envoy(envoy.map, resolved), null, aliases);
      children.set(name, found);
    }
    return found;
  };
  const members = extra ?? envoy;
  const known = (): string[] => [
    ...memberNames(envoy),
    ...(extra ? memberNames(extra) : []),
    ...[...envoy.map.parameters.keys()]
      .filter((path) => path.startsWith(join(envoy.path, '')))
      .map((path) => path.slice(join(envoy.path, '').length)),
  ];
  const list = (): unknown[] => [...module.children.keys()].map((name) => child(name));
  // Node prints what stands behind a proxy, not the proxy.
  const printed = Object.assign(() => {}, { [Symbol.for('nodejs.util.inspect.custom')]: () => envoy.toString() });
  const proxy: unknown = new Proxy(printed as object, {
    get(_, key) {
      if (key === Symbol.iterator) return () => list()[Symbol.iterator]();
      if (key === Symbol.toPrimitive) return () => envoy.toString();
      if (typeof key === 'symbol' || SILENT.has(key)) return undefined;
      if (key === 'length' && module.list) return module.children.size;
      if (key === 'get') return pure((path: string) => get(envoy, path, child));
      const owner = extra && key in extra ? extra : envoy;
      if (key in owner) {
        const value = Reflect.get(owner, key, owner);
        return typeof value === 'function' ? pure(value.bind(owner)) : value;
      }
      const method = extra?.method(key);
      if (method) return pure(method as () => unknown);
      const parameter = join(envoy.path, key);
      if (envoy.map.attached.has(parameter)) return child(key);
      if (!module.children.has(key) && envoy.map.parameters.has(parameter)) return readParameter(envoy, parameter);
      return child(key, module.children.has(key) ? [] : known());
    },
    set(_, key, value) {
      const owner = extra && key in extra ? extra : envoy;
      if (isSettable(owner, key)) return Reflect.set(owner, key, value, owner);
      if (MODELS.has(value as object)) {
        attach(envoy, String(key), value);
        return true;
      }
      const settable = known().filter((name) => isSettable(envoy, name));
      throw new TraceError(
        `${envoy.path || 'The model'} has nothing that could be set by the name '${String(key)}'. Set .output or .input of a module${guess(nearest(String(key), settable))}`,
        activeBuilder()?.site ?? callerSite(),
      );
    },
    deleteProperty(_, key) {
      throw new TraceError(
        `${join(envoy.path, String(key))} cannot be deleted: a model keeps its modules. To leave one out in a trace call skip(value) of it.`,
        callerSite(),
      );
    },
    has: (_, key) => key in members || (typeof key === 'string' && module.children.has(key)),
    ownKeys: () => [...module.children.keys()],
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    apply: (_, __, values) => (extra ?? envoy).forward(values),
  });
  MODULES.add(proxy as object);
  if (extra) MODELS.add(proxy as object);
  return proxy;
}

/** Makes another model a module of this one: `model.transformer.h[0].sae = other`. */
function attach(envoy: Envoy, name: string, model: unknown): void {
  const path = join(envoy.path, name);
  if (envoy.map.find(envoy.path).children.has(name) || envoy.map.parameters.has(path) || name in envoy) {
    throw new TraceError(`${path} is there already: attach the model under a name that is free.`, callerSite());
  }
  envoy.map.attached.set(path, model);
}

function readParameter(envoy: Envoy, path: string): TensorProxy {
  const target = activeBuilder();
  const forward = target && Tracing.of(target).forwardOf(envoy.map);
  if (!forward) throw new TraceError(`The parameter ${path} is read outside of a trace.`, callerSite());
  // A copy, since no trace may change the model's own weights.
  return copy(new TensorProxy(target, forward.read({ path, port: 'parameter', index: 0, call: 0 })));
}

function get(envoy: Envoy, path: string, child: (name: string) => unknown): unknown {
  if (envoy.map.nodes.has(path) && envoy.path === '') return new Envoy(envoy.map, `${OPERATION}${path}`);
  const [first, ...rest] = path
    .replace(/\[(-?\d+)\]/g, '.$1')
    .split('.')
    .filter((part) => part !== '');
  if (first === undefined) return child('');
  if (
    rest.length === 0 &&
    ['output', 'input', 'outputs', 'inputs'].includes(first) &&
    !envoy.map.find(envoy.path).children.has(first)
  ) {
    return Reflect.get(envoy, first, envoy);
  }
  const parameter = join(envoy.path, first);
  if (rest.length === 0 && envoy.map.parameters.has(parameter) && !envoy.map.find(envoy.path).children.has(first)) {
    return readParameter(envoy, parameter);
  }
  const found = child(first) as { get(path: string): unknown };
  return rest.length === 0 ? found : found.get(rest.join('.'));
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
