import type { Module, ModuleCall, ModuleNote, Operation } from './module.ts';

/** A module while the tree is built. */
export interface Draft extends Module {
  className: string | null;
  sourceLine: string | null;
  list: boolean;
  readonly children: Map<string, Draft>;
  calls: ModuleCall[];
  note: ModuleNote | null;
  operations: Operation[];
}

/** The module at `path` in a tree under construction, made where it was missing. */
export function ensure(root: Draft, path: string): Draft {
  let module = root;
  for (const ancestor of ancestors(path)) {
    const name = ancestor.slice(module.path === '' ? 0 : module.path.length + 1);
    const child = module.children.get(name) ?? draft(ancestor);
    module.children.set(name, child);
    module = child;
  }
  return module;
}

/** A module of which nothing is known yet. */
export function draft(path: string): Draft {
  return {
    path,
    name: path.slice(path.lastIndexOf('.') + 1),
    className: null,
    sourceLine: null,
    list: false,
    children: new Map(),
    calls: [],
    note: null,
    operations: [],
  };
}

/** Modules and all that they stand in: ['a.b.c'] → 'a.b.c', 'a.b', 'a', ''. */
export function withAncestors(paths: readonly string[]): ReadonlySet<string> {
  const found = new Set(['']);
  for (let path of paths) {
    for (; !found.has(path); path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) found.add(path);
  }
  return found;
}

/** `a.b.c` → ['a', 'a.b', 'a.b.c']. */
export function ancestors(path: string): string[] {
  return [...withAncestors([path])].filter((one) => one !== '').reverse();
}
