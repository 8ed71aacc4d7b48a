import { TraceError } from '../errors.ts';
import { findModule } from '../model/find.ts';
import { formatTree } from '../model/format.ts';
import type { Module } from '../model/module.ts';
import { guess, nearest } from '../nearest.ts';
import { MODULES } from '../operators/access.ts';
import { apply, copy, toProxy, wrap } from '../tracing/apply.ts';
import { activeBuilder, type Builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { commonShape } from '../tracing/lists.ts';
import type { TapAddress } from '../tracing/model.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { atCaller } from './at-caller.ts';
import { fixedList } from './fixed-list.ts';
import type { ModelMap } from './locate.ts';
import { OPERATION, TypedModel } from './locate.ts';
import { isSettable, memberNames } from './member-names.ts';

/** What modules, operations and calls of a module have in common: tensors that go in and out. */
export class Envoy {
  readonly map: ModelMap;
  /** Dotted, as PyTorch writes it; '' for the model itself. */
  readonly path: string;
  private readonly callIndex: number;

  constructor(map: ModelMap, path: string, callIndex = 0) {
    this.map = map;
    this.path = path;
    this.callIndex = callIndex;
  }

  /** The main output. Assigning replaces it for everything downstream. */
  get output(): unknown {
    return this.read('output', 0);
  }

  set output(value: unknown) {
    this.write('output', 0, value);
  }

  /** The first input. Assigning replaces it for this module alone. */
  get input(): unknown {
    return this.read('input', 0);
  }

  set input(value: unknown) {
    this.write('input', 0, value);
  }

  /** All outputs, the main one first. */
  get outputs(): unknown[] {
    return this.readAll('output');
  }

  set outputs(values: unknown) {
    this.writeAll('output', values);
  }

  /** All inputs, the main one first. */
  get inputs(): unknown[] {
    return this.readAll('input');
  }

  set inputs(values: unknown) {
    this.writeAll('input', values);
  }

  /** Leaves the module out: `value` becomes its output. */
  skip(value: unknown): void {
    this.write('output', 0, value);
  }

  /** The calls of a module that runs several times in one forward pass. */
  get calls(): Envoy[] {
    const calls = this.map.find(this.path).calls.map((_, index) => new Envoy(this.map, this.path, index));
    return fixedList(calls, `${this.path}.calls`);
  }

  /** The operations inside a module by ONNX name and count: `attn.ops.Softmax.output`, `attn.ops.MatMul_1.output`. */
  get ops(): unknown {
    return new Proxy({} as object, {
      get: (_, name) => {
        if (typeof name !== 'string' || name === 'then') return undefined;
        atCaller(() => this.map.nodeOf(this.path, name));
        return new Envoy(this.map, `${this.path}${OPERATION}${name}`);
      },
      ownKeys: () => this.map.find(this.path).operations.map(({ name }) => name),
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    });
  }

  toString(): string {
    return formatTree(this.map.find(this.path));
  }

  /** Runs the module on another value, in the middle of this forward pass. */
  invoke(values: readonly unknown[]): TensorProxy {
    const target = this.builder('called');
    const { inputs, outputs } = this.map.locate(this.address('output', 0));
    if (values.length === 0 || values.length > inputs.length) {
      throw new TraceError(
        `${this.path} takes 1 to ${inputs.length} tensors, but ${values.length} are given.`,
        target.site,
      );
    }
    const proxies = values.map((value) => toProxy(value));
    const usual = target.model.resolve(this.address('input', 0)).type.shape;
    const same = JSON.stringify(usual) === JSON.stringify(proxies[0]!.type.shape);
    const types = outputs.map((_, index) => {
      const { dtype, shape } = target.model.resolve(this.address('output', index)).type;
      return {
        dtype,
        shape: same
          ? shape
          : shape &&
            commonShape(
              shape,
              shape.map((dim, i) => (i === shape.length - 1 ? dim : null)),
            ),
      };
    });
    const attributes = { path: this.path, port: 'output', index: 0, call: this.callIndex };
    const node = target.addTyped(
      'call',
      proxies.map((proxy) => proxy.value()),
      types,
      attributes,
    );
    return wrap(target, node.outputs[0]!);
  }

  private address(port: TapAddress['port'], index: number): TapAddress {
    // What does nothing has no node that could see another input: a new input is a new output.
    const isIdentity = port === 'input' && this.map.isIdentity(this.path);
    return { path: this.path, port: isIdentity ? 'output' : port, index, call: this.callIndex };
  }

  private builder(verb: string): Builder {
    const target = activeBuilder();
    const name = this.path || 'the model';
    if (!target)
      throw new TraceError(
        `${name} is ${verb} outside of a trace. Do it in the block of model.trace(inputs, () => { … }).`,
        callerSite(),
      );
    if (!(target.model instanceof TypedModel) || target.model.map !== this.map) {
      throw new TraceError(`${name} belongs to another model than the one that is traced here.`, callerSite());
    }
    return target;
  }

  private read(port: 'output' | 'input', index: number): TensorProxy {
    const target = this.builder('read');
    return new TensorProxy(target, target.read(this.address(port, index)));
  }

  private readAll(port: 'output' | 'input'): TensorProxy[] {
    const count = this.map.locate(this.address(port, 0))[`${port}s`].length;
    const values = Array.from({ length: count }, (_, index) => this.read(port, index));
    return fixedList(values, `${this.path || 'the model'}.${port}s`);
  }

  private writeAll(port: 'output' | 'input', values: unknown): void {
    const target = this.builder('set');
    const count = this.map.locate(this.address(port, 0))[`${port}s`].length;
    if (!Array.isArray(values) || values.length > count) {
      throw new TraceError(`${this.path}.${port}s is set to an array of up to ${count} tensors.`, target.site);
    }
    values.forEach((value, index) => {
      this.write(port, index, value);
    });
  }

  private write(port: 'output' | 'input', index: number, value: unknown): void {
    const target = this.builder('set');
    const address = this.address(port, index);
    const current = new TensorProxy(target, target.read(address));
    target.bind(address, target.storage(fitted(target, `${this.path || 'the model'}.${port}`, value, current).value()));
  }
}

/** A value with the dtype and the shape of the tensor it replaces. */
function fitted(target: Builder, name: string, value: unknown, current: TensorProxy): TensorProxy {
  const { dtype, shape } = current.type;
  let proxy = toProxy(value, typeof value === 'number' ? dtype : undefined);
  if (proxy.dtype !== dtype) {
    if (proxy.dtype.startsWith('float') && !dtype.startsWith('float')) {
      throw new TraceError(
        `${name} is ${dtype} and cannot be set to ${proxy.dtype}. Convert the value with to('${dtype}').`,
        target.site,
      );
    }
    proxy = apply('cast', [proxy], { dtype });
  }
  const given = proxy.type.shape;
  if (given && shape) {
    const offset = shape.length - given.length;
    const fits =
      offset >= 0 &&
      given.every((dim, i) => dim === null || shape[i + offset] === null || dim === 1 || dim === shape[i + offset]);
    if (!fits)
      throw new TraceError(
        `${name} has dims [${shape.map((dim) => dim ?? '?')}] and cannot be set to a tensor of dims [${given.map((dim) => dim ?? '?')}].`,
        target.site,
      );
    if (offset === 0 && given.every((dim, i) => dim !== null && dim === shape[i])) return proxy;
  }
  return copy(apply('expand', [proxy, apply('shape', [current])]));
}

const SILENT = new Set<PropertyKey>(['then', 'toJSON', 'asymmetricMatch', '$$typeof', 'nodeType', 'constructor']);

/** A module as users hold it: members, children by name and index, parameters by name; callable. */
export function moduleProxy(
  envoy: Envoy,
  extra: object | null = null,
  aliases: ReadonlyMap<string, string> = new Map(),
): unknown {
  const children = new Map<string, unknown>();
  const module: Module = envoy.map.find(envoy.path);
  const child = (name: string, members: Iterable<string> = []): unknown => {
    let found = children.get(name);
    if (!found) {
      const path = aliases.get(join(envoy.path, name)) ?? join(envoy.path, name);
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
  const proxy: unknown = new Proxy((() => {}) as unknown as object, {
    get(_, key) {
      if (key === Symbol.iterator) return () => list()[Symbol.iterator]();
      if (key === Symbol.toPrimitive || key === Symbol.for('nodejs.util.inspect.custom')) return () => envoy.toString();
      if (typeof key === 'symbol' || SILENT.has(key)) return undefined;
      if (key === 'length' && module.list) return module.children.size;
      if (key === 'get') return (path: string) => get(envoy, path, child);
      const owner = extra && key in extra ? extra : envoy;
      if (key in owner) {
        const value = Reflect.get(owner, key, owner);
        return typeof value === 'function' ? value.bind(owner) : value;
      }
      const parameter = join(envoy.path, key);
      if (!module.children.has(key) && envoy.map.parameters.has(parameter)) return readParameter(parameter);
      return child(key, module.children.has(key) ? [] : known());
    },
    set(_, key, value) {
      const owner = extra && key in extra ? extra : envoy;
      if (isSettable(owner, key)) return Reflect.set(owner, key, value, owner);
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
    apply: (_, __, values) => envoy.invoke(values),
  });
  MODULES.add(proxy as object);
  return proxy;
}

function readParameter(path: string): TensorProxy {
  const target = activeBuilder();
  if (!target) throw new TraceError(`The parameter ${path} is read outside of a trace.`, callerSite());
  // A copy, since no trace may change the model's own weights.
  const address = { path, port: 'parameter' as const, index: 0, call: 0 };
  return copy(new TensorProxy(target, target.read(address)));
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
  const found = child(first) as { get(path: string): unknown };
  return rest.length === 0 ? found : found.get(rest.join('.'));
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
