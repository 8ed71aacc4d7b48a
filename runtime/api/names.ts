import { childOf, findModule, pathParts } from '../modules/find.ts';
import { type Module, walk } from '../modules/module.ts';
import { ModelError } from '../onnx/error.ts';
import { PROBED_NAMES } from '../probed-names.ts';
import type { EnvoyClass } from '../types/model.ts';
import { Extensions } from './extensions.ts';
import { MODEL_MEMBERS, MODULE_MEMBERS } from './members.ts';
import type { ModuleEnvoy } from './module-envoy.ts';

/** Other names of modules, one or several each. */
export type Rename = Readonly<Record<string, string | readonly string[]>>;

export interface NameOptions {
  /** The members that the model has: those of every model unless given. */
  readonly members?: ReadonlySet<string> | undefined;
  readonly rename?: Rename | undefined;
  /** Classes whose properties modules get. */
  readonly envoys?: Readonly<Record<string, EnvoyClass>> | undefined;
  /** More members of the model: entry points beside `trace`. */
  readonly methods?: Iterable<string> | undefined;
}

/** A model that was attached: as it was given, and as it is at its place. */
interface Attached {
  readonly given: ModuleEnvoy;
  readonly placed: ModuleEnvoy;
}

/** The meaning of each name of a module: members first, then attached models, children by all their names, parameters. */
export class Names {
  /** Other models that stand in the tree, by path. */
  readonly attached = new Map<string, Attached>();
  readonly #tree: Module;
  readonly #parameters: ReadonlyMap<string, string>;
  readonly #members: Set<string>;
  /** The properties that modules have from the user's classes. */
  readonly extensions: Extensions;
  /** Modules by their additional paths. */
  readonly #aliases = new Map<string, Module>();

  /** Throws a ModelError if a name is taken, or is given to a module that does not exist. */
  constructor(tree: Module, parameters: ReadonlyMap<string, string>, options: NameOptions = {}) {
    const { members = MODEL_MEMBERS, rename = {}, methods = [] } = options;
    this.#tree = tree;
    this.#parameters = parameters;
    this.#members = new Set(members);
    for (const [from, names] of Object.entries(rename)) for (const name of [names].flat()) this.#rename(from, name);
    for (const name of methods) {
      const taken = this.taken(tree, name);
      if (taken) throw new ModelError(`inputHooks.methods: an entry point cannot be called '${name}': ${taken}`);
      this.#members.add(name);
    }
    this.extensions = new Extensions(tree, this, options.envoys);
  }

  /** The members of the module at a path. */
  members(path: string): ReadonlySet<string> {
    return path === '' ? this.#members : MODULE_MEMBERS;
  }

  readonly isMember = (path: string, name: string): boolean => this.members(path).has(name);

  /** The module with a name directly below another one. */
  readonly child = (module: Module, name: string): Module | undefined =>
    this.#aliases.get(join(module.path, name)) ?? childOf(module, name);

  /** The model that is attached at a path: as it was given, or where it stands at several places, as it is at this one. */
  attachedAt(path: string): ModuleEnvoy | undefined {
    const found = this.attached.get(path);
    if (!found) return undefined;
    const places = [...this.attached.values()].filter(({ given }) => given.map === found.given.map);
    return places.length > 1 ? found.placed : found.given;
  }

  /** Why a name below a module cannot be given to something new; null if it can. */
  taken(module: Module, name: string): string | null {
    const path = join(module.path, name);
    if (!/^[^.[\]]+$/.test(name)) return `'${name}' is not a name: a name is not empty and has no dots or brackets`;
    if (this.isMember(module.path, name))
      return `${module.path === '' ? 'the model' : 'every module'} has a member '${name}'`;
    if (PROBED_NAMES.has(name)) return `JavaScript asks every object for '${name}'`;
    if (module.list && /^-?\d+$/.test(name)) return `the numbers of ${module.path} are those of its modules`;
    return this.child(module, name) || this.#parameters.has(path) ? `${path} is there already` : null;
  }

  /** Wherever a module has others by a path (`mlp`, `h.0`, `transformer.h`), it gets a name for them. A dot in front is as good as none. */
  #rename(from: string, name: string): void {
    const parts = pathParts(from);
    const below = (module: Module) =>
      parts.reduce<Module | undefined>((at, part) => at && this.child(at, part), module);
    const found = [...walk(this.#tree)].flatMap((around) => {
      const module = below(around);
      return module ? [{ around, module }] : [];
    });
    if (found.length === 0) findModule(this.#tree, from);
    for (const { around, module } of found) {
      if (module === this.#tree) throw new ModelError(`rename: '${from}' is the model itself, not a module in it`);
      const taken = this.taken(around, name);
      const path = join(around.path, name);
      if (taken) throw new ModelError(`rename: ${module.path} cannot be called ${path} as well: ${taken}`);
      this.#aliases.set(path, module);
    }
  }
}

/** The path of a name below a module. */
export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
