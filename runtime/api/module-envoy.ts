import { TraceError } from '../errors.ts';
import { noModule, pathParts } from '../modules/find.ts';
import { foldable } from '../modules/foldable.ts';
import { formatTree } from '../modules/format.ts';
import { lostParameter, lostParameters } from '../modules/lost-parameters.ts';
import type { Module } from '../modules/module.ts';
import { operationPath } from '../modules/operation-path.ts';
import { guess, nearest } from '../nearest.ts';
import { ModelError } from '../onnx/error.ts';
import { standsBehind } from '../own-proxies.ts';
import { PROBED_NAMES } from '../probed-names.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { pure } from '../tracing/harmless.ts';
import type { Calls, Envoy, EnvoyMembers, Found, Operations } from '../types/module.ts';
import type { Traced } from '../types/tensor.ts';
import { atCaller } from './at-caller.ts';
import { CallEnvoy, OperationEnvoy } from './envoy.ts';
import { fixedList } from './fixed-list.ts';
import { SETTABLE } from './members.ts';
import type { ModelMap } from './model-map.ts';
import { moduleProxy } from './module-proxy.ts';
import { readParameter } from './module-tensors.ts';
import { join } from './names.ts';
import { nextStep } from './next-step.ts';
import { operationsOf } from './operations.ts';
import { checkNoMore } from './options.ts';
import { ANYWHERE, type Standing } from './place.ts';
import { Ports } from './ports.ts';
import { activeTracing } from './tracing.ts';

/** What a notebook asks a value for, to show it. */
const NOTEBOOK = Symbol.for('Jupyter.display');

/** The members of an interface, without its call signature, which a class cannot have. */
export type Members<T> = Pick<T, keyof T>;

/** The object behind a module as users hold it: its members, and the modules and parameters that other names lead to. */
export class ModuleEnvoy extends CallEnvoy implements Members<EnvoyMembers> {
  readonly map: ModelMap;
  readonly module: Module;
  /** Of a model that is attached: the calls that are meant. */
  readonly standing: Standing;
  readonly #ports: Ports;
  readonly #children = new Map<Module, ModuleEnvoy>();
  #proxy: Envoy | null = null;

  constructor(map: ModelMap, path: string, standing = ANYWHERE) {
    const ports = new Ports(map, path, 0, standing);
    super(ports, path);
    this.#ports = ports;
    this.map = map;
    this.standing = standing;
    this.module = map.find(path);
  }

  /** The module as users hold it. */
  get proxy(): Envoy {
    this.#proxy ??= moduleProxy(this);
    return this.#proxy;
  }

  /** The calls of a module that runs several times in one forward; of an attached model, whose calls it makes, those so far. */
  get calls(): Calls {
    const { map, path, module, standing } = this;
    const name = `${path || standing.place?.path || 'the model'}.calls`;
    // The error says why there is none.
    if (module.note?.kind === 'inside' || module.note?.kind === 'uncounted')
      map.locate({ path, port: 'output', index: 0, call: 0 });
    const forwards = this.isTraced() ? [] : (activeTracing()?.forwards.allOf(map, path, standing) ?? []);
    const several = forwards.length > 0 ? forwards.map((call) => ({ ...standing, call })) : [standing];
    const calls = several.flatMap((one) =>
      module.calls.map((_, i) =>
        // A call of an attached model has the model's modules, as they are in this call.
        one.call && module.calls.length === 1
          ? this.at(one).proxy
          : new CallEnvoy(new Ports(map, path, i, one), `${name}[${i}]`),
      ),
    );
    return fixedList(calls, name);
  }

  /** The same module, in other calls of its model. */
  at(standing: Standing): ModuleEnvoy {
    return new ModuleEnvoy(this.map, this.path, standing);
  }

  /** The operations inside the module. */
  get ops(): Operations {
    return operationsOf(this.map, this.path, this.standing);
  }

  /** In a generation: from here on, this module is that of the next step (or some steps further). */
  next(steps = 1): Envoy {
    nextStep(this.map, this.path, steps);
    return this.proxy;
  }

  /** A module by its path from here; else a parameter, an output or input, or a node of the file. */
  get(path: string): Found;
  get(path: string, ...rest: unknown[]): unknown {
    if (typeof path !== 'string') {
      throw new TraceError('get takes a path as a text, such as get("h.0.mlp").', callerSite());
    }
    checkNoMore('get(path)', rest);
    const parts = pathParts(path);
    let at: ModuleEnvoy = this;
    for (const [i, part] of parts.entries()) {
      const inner = at.inner(part);
      if (!inner) return this.#node(path) ?? at.#end(parts.slice(i));
      at = inner;
    }
    return at.proxy;
  }

  /** The module at a path from here. Throws a ModelError if there is none. */
  within(path: string): ModuleEnvoy {
    return pathParts(path).reduce<ModuleEnvoy>((at, part) => at.inner(part) ?? at.#missing(part, []), this);
  }

  /** The modules right below, in order. */
  [Symbol.iterator](): IterableIterator<Envoy> {
    return [...this.module.children.keys()].map((name) => this.inner(name)!.proxy)[Symbol.iterator]();
  }

  /** The tree of the modules below. */
  override toString(): string {
    return formatTree(this.module, this.map.names.isMember);
  }

  /** Runs the module on other values, in the middle of this forward. */
  call(values: readonly unknown[]): Traced {
    return this.#ports.call(values);
  }

  /** Whether the code that runs now stands in a forward of the model, not of one that calls it. */
  isTraced(): boolean {
    return this.#ports.isTraced();
  }

  /** What a symbol leads to. */
  symbol(key: symbol): unknown {
    return key === NOTEBOOK
      ? () => ({ 'text/plain': this.toString(), 'text/html': foldable(this.toString()) })
      : undefined;
  }

  /** The value of a member; a method is bound to the module. */
  member(name: string): unknown {
    const value: unknown = Reflect.get(this, name, this);
    return typeof value === 'function' ? pure(value.bind(this)) : value;
  }

  /** The attached model or the module of this model with a name directly below this one. */
  inner(name: string): ModuleEnvoy | undefined {
    const attached = this.map.names.attachedAt(join(this.path, name));
    const module = attached ? undefined : this.map.names.child(this.module, name);
    if (!module) return attached;
    const known = this.#children.get(module) ?? new ModuleEnvoy(this.map, module.path, this.standing);
    this.#children.set(module, known);
    return known;
  }

  hasParameter(name: string): boolean {
    const { parameters, transposed, quantized } = this.map;
    const path = join(this.path, name);
    return [parameters, transposed, quantized].some((paths) => paths.has(path));
  }

  /** The module or parameter with a name that is not a member. Throws if there is none, unless JavaScript itself may ask for it. */
  named(name: string): unknown {
    const inner = this.inner(name);
    if (inner) return inner.proxy;
    if (this.hasParameter(name)) return readParameter(this.map, join(this.path, name), this.standing);
    if (PROBED_NAMES.has(name)) return undefined;
    return this.#missing(name, [...this.map.names.members(this.path), ...this.#parameters()]);
  }

  /** Sets a member, or attaches another model under a new name: `model.transformer.h[0].sae = other`. */
  set(key: PropertyKey, value: unknown): void {
    const name = String(key);
    if (SETTABLE.has(name)) {
      Reflect.set(this, name, value, this);
      return;
    }
    const other = typeof key === 'string' ? envoyOf(value) : null;
    const where = this.path || 'The model';
    const site = callerSite() ?? activeBuilder()?.site ?? null;
    if (!other) {
      const near = guess(nearest(name, SETTABLE));
      throw new TraceError(
        `${where} has no member '${name}' that can be set. Set .output or .input of a module${near}`,
        site,
      );
    }
    const path = join(this.path, name);
    const reason =
      other.path === ''
        ? this.map.names.taken(this.module, name)
        : `${other.path} is a part of a model, not a whole one`;
    if (reason) {
      throw new TraceError(
        `A model cannot be attached as ${path}: ${reason}. Attach a whole model under a name that is free.`,
        site,
      );
    }
    const placed = other.at({ place: { map: this.map, path }, call: null });
    this.map.names.attached.set(path, { given: other, placed });
  }

  /** A node of the file, by its own name: for files that name no modules, and for nodes between modules. */
  #node(name: string): OperationEnvoy | null {
    if (this.path !== '' || !this.map.nodes.has(name)) return null;
    return new OperationEnvoy(new Ports(this.map, operationPath('', name), 0, this.standing), name);
  }

  /** The parameter, output or input at the end of a path. */
  #end([name = '', ...rest]: readonly string[]): unknown {
    if (rest.length === 0 && this.hasParameter(name))
      return readParameter(this.map, join(this.path, name), this.standing);
    if (rest.length === 0 && SETTABLE.has(name)) return this.member(name);
    return this.#missing(name, this.#parameters());
  }

  #parameters(): string[] {
    const start = join(this.path, '');
    return [...this.map.parameters.keys(), ...this.map.quantized.keys()].flatMap((path) =>
      path.startsWith(start) ? [path.slice(start.length)] : [],
    );
  }

  #missing(name: string, members: readonly string[]): never {
    return atCaller(() => {
      const lost = lostParameter(this.map.model, this.module, name);
      if (lost) throw new ModelError(lost);
      const missing = noModule(this.map.tree, this.module, name, join(this.path, name), members);
      const more = /did you mean/.test(missing.message) ? null : lostParameters(this.map.model, this.module);
      throw more ? new ModelError(`${missing.message}. ${more}`) : missing;
    });
  }
}

/** The object behind a module; null if the value is not a module. */
export function envoyOf(value: unknown): ModuleEnvoy | null {
  const stands = standsBehind(value);
  return stands instanceof ModuleEnvoy ? stands : null;
}
