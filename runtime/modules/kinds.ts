import { type Module, walk } from './module.ts';

/** Modules that have the same children, parameters and calls, and so one type. */
export interface Kind {
  /** In the order of the tree. */
  readonly modules: readonly Module[];
  /** The kinds of the children, by name, in order. */
  readonly children: ReadonlyMap<string, Kind>;
  /** The names of the parameters that are its own. */
  readonly parameters: readonly string[];
  /** The names of the operations that one of the modules has, at least. */
  readonly operations: readonly string[];
}

/** A path without the numbers that tell list items apart: `h.0.mlp` → `h.*.mlp`. */
export function pattern(path: string): string {
  return path.replace(/(?<=^|\.)\d+(?=\.|$)/g, '*');
}

/**
 * The kinds of the modules of a tree, that of the root first and then in the order of the tree. `parameters` gives the
 * names of a module's own parameters.
 *
 * Modules are of one kind where they have the same structure, and either the same place in a repeated block (the
 * operations differ a little there: exporters compute what the blocks share in the first of them) or the same
 * operations all the way down.
 */
export function kindsOf(tree: Module, parameters: (module: Module) => readonly string[]): Kind[] {
  const structures = structuresOf(tree, parameters);
  const groups = new Groups();
  const exact = new Keys();
  const exactOf = new Map<Module, number>();
  const modules = [...walk(tree)];
  // Children come before their parents in the reverse of the tree's order.
  for (const module of [...modules].reverse()) {
    const children = [...module.children.values()].map((child) => exactOf.get(child)!);
    const key = exact.number([structures.get(module)!, children, module.operations.map(({ name }) => name)]);
    exactOf.set(module, key);
  }
  for (const module of modules) {
    groups.add(module, [`${exactOf.get(module)!}`, `${structures.get(module)!} ${pattern(module.path)}`]);
  }
  return kindsOfGroups(groups.all(), parameters);
}

/** A number for the structure of each module: class, children, parameters and calls, operations aside. */
function structuresOf(tree: Module, parameters: (module: Module) => readonly string[]): Map<Module, number> {
  const keys = new Keys();
  const found = new Map<Module, number>();
  for (const module of [...walk(tree)].reverse()) {
    const children = [...module.children].map(([name, child]) => [name, found.get(child)!]);
    const own = parameters(module);
    // An activation function without a class can only be told from others by its operations.
    const isBare = module.className === null && children.length === 0 && own.length === 0;
    const operators = isBare ? [...new Set(module.operations.map(({ opType }) => opType))] : [];
    found.set(module, keys.number([module.className, module.list, module.calls.length, children, own, operators]));
  }
  return found;
}

function kindsOfGroups(groups: readonly Module[][], parameters: (module: Module) => readonly string[]): Kind[] {
  const kinds = groups.map((modules) => ({
    modules,
    children: new Map<string, Kind>(),
    parameters: parameters(modules[0]!),
    operations: [...new Set(modules.flatMap(({ operations }) => operations.map(({ name }) => name)))],
  }));
  const kindOf = new Map(kinds.flatMap((kind) => kind.modules.map((module) => [module, kind] as const)));
  for (const { modules, children } of kinds) {
    for (const [name, child] of modules[0]!.children) children.set(name, kindOf.get(child)!);
  }
  return kinds;
}

/** Numbers for values that are equal as JSON. */
class Keys {
  readonly #numbers = new Map<string, number>();

  number(value: unknown): number {
    const text = JSON.stringify(value);
    const found = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, found);
    return found;
  }
}

/** Groups of modules that have a key in common, directly or through others, each in the order they were added. */
class Groups {
  readonly #first = new Map<string, Module>();
  /** Another module of the same group, closer to the group's representative. */
  readonly #next = new Map<Module, Module>();
  readonly #modules: Module[] = [];

  add(module: Module, keys: readonly string[]): void {
    this.#modules.push(module);
    for (const key of keys) {
      const first = this.#first.get(key) ?? module;
      this.#first.set(key, first);
      const [a, b] = [this.#standIn(first), this.#standIn(module)];
      if (a !== b) this.#next.set(b, a);
    }
  }

  all(): Module[][] {
    const groups = new Map<Module, Module[]>();
    for (const module of this.#modules) {
      const standIn = this.#standIn(module);
      groups.set(standIn, [...(groups.get(standIn) ?? []), module]);
    }
    return [...groups.values()];
  }

  #standIn(module: Module): Module {
    let found = module;
    for (let next = this.#next.get(found); next !== undefined; next = this.#next.get(found)) found = next;
    return found;
  }
}
