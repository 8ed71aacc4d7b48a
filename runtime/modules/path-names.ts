import type { NodeProto } from '../onnx/proto.ts';
import type { Scope } from './scope.ts';

/**
 * The path in a node's name: `/transformer/h.0/attn/MatMul` → '/transformer/h.0/attn'; where the name has none (an
 * optimizer's `BiasGelu_token_1`), the path in the name of its output. Null if there is neither.
 */
export function nodePath({ name, output }: NodeProto): string | null {
  // ONNX Runtime names a fused node after one it was made of: `/a/MatMul/MatMulScaleFusion/`, `/a/MatMul/MatMulAddFusion`, and
  // one that is fused again after that.
  return pathOf(name.replace(/(\/[^/]*\/|\/\w+Fusion)+$/, '')) ?? pathOf(output[0] ?? '');
}

/** The path in a tensor's name, which begins with that of the node that made it. */
export function pathOf(name: string): string | null {
  const end = name.lastIndexOf('/');
  return end < 0 ? null : name.slice(0, end);
}

/** The scope that each path in the nodes' names stands for. `parameters` are the paths of the model's parameters. */
export function pathScopes(nodes: readonly NodeProto[], parameters: ReadonlySet<string>): Map<string, Scope> {
  const names = new PathNames(nodes, parameters);
  const scopes = new Map([...names.paths()].map((path) => [path, names.scope(path)]));
  for (const module of names.borrowed) numberCalls(module, scopes);
  return scopes;
}

/** Numbers the calls of a module in order, where paths that stand for it bear the same number: each counts its own. */
function numberCalls(module: string, scopes: Map<string, Scope>): void {
  const own = [...scopes].filter(([, { modules }]) => modules.at(-1) === module);
  if (new Set(own.map(([, { call }]) => call)).size === own.length) return;
  own.forEach(([path, scope], call) => {
    scopes.set(path, { ...scope, call });
  });
}

/** Reads the paths in node names the way the TorchScript exporter writes them. */
class PathNames {
  /** The operators of the nodes right in each path. */
  readonly #operators = new Map<string, string[]>();
  /** The tensors that the nodes right in each path read, and those that they make. */
  readonly #read = new Map<string, Set<string>>();
  readonly #made = new Map<string, Set<string>>();
  /** The modules whose parameters are read in a path, at any depth. */
  readonly #reads = new Map<string, Set<string>>();
  /** Every module that holds a parameter, at any depth. */
  readonly #owners = new Set<string>();
  /** Modules that are called by one that does not hold them itself, and all in them. */
  readonly borrowed = new Set<string>();

  constructor(nodes: readonly NodeProto[], parameters: ReadonlySet<string>) {
    for (const parameter of parameters) for (const owner of above(parameter, '.')) this.#owners.add(owner);
    for (const node of nodes) {
      const { opType, input, output } = node;
      const path = nodePath(node);
      if (path === null) continue;
      addTo(this.#read, path, input);
      addTo(this.#made, path, output);
      const operators = this.#operators.get(path);
      if (operators === undefined) this.#operators.set(path, [opType]);
      else operators.push(opType);
      const owners = input.filter((read) => parameters.has(read)).flatMap((read) => above(read, '.'));
      for (const around of [path, ...above(path, '/')]) {
        const reads = this.#reads.get(around) ?? new Set();
        this.#reads.set(around, reads);
        for (const owner of owners) reads.add(owner);
      }
    }
  }

  paths(): Iterable<string> {
    return this.#operators.keys();
  }

  scope(path: string): Scope {
    // Only TorchScript begins names with a slash and numbers calls; elsewhere `dense_1` is a module of its own.
    const isTorchScript = path === '' || path.startsWith('/');
    const modules: string[] = [];
    let call: number | null = isTorchScript ? 0 : null;
    for (const around of [...above(path, '/'), path]) {
      if (around === '') continue;
      const parent = modules.at(-1) ?? '';
      const repeat = isTorchScript ? this.#repeat(around, parent) : null;
      const module = this.#module(parent, around, repeat?.path ?? around);
      modules.push(module);
      const isPart = lastPart(around, '/').includes('.');
      if ((!isPart && parent !== pathOfModule(module)) || this.borrowed.has(parent)) this.borrowed.add(module);
      if (isTorchScript) call = repeat?.call ?? 0;
    }
    return { modules, classes: new Map(), call };
  }

  /**
   * The module that the last part of a path names. Children of a Sequential or ModuleList have its own name before
   * theirs (`/stem/stem.0` is `stem.0`); those of a ModuleDict lack it (`/a` may be `d.a`), as does what a module calls of
   * those in it (`/norm` may be `h.0.norm`), and only the parameters read there tell.
   */
  #module(parent: string, around: string, path: string): string {
    const part = lastPart(path, '/');
    const nested = join(parent, part);
    const list = lastPart(pathOf(path) ?? '', '/');
    if (list !== '' && part.startsWith(`${list}.`)) {
      const merged = parent + part.slice(list.length);
      return this.#owners.has(nested) && !this.#owners.has(merged) ? nested : merged;
    }
    if (this.#owners.has(nested)) return nested;
    const hidden = [...(this.#reads.get(around) ?? [])].filter(
      (owner) => lastPart(owner, '.') === part && owner !== part && owner.startsWith(join(parent, '')),
    );
    return hidden.length === 1 ? hidden[0]! : nested;
  }

  /**
   * `cell_1` may be a module of that name or the second call of `cell`. It is a call where there is a `cell` beside it
   * and no parameter lies in a `cell_1`; without parameters to tell, where both hold the same operators, but for what was
   * found to be the same in both and left to one of them.
   */
  #repeat(around: string, parent: string): { path: string; call: number } | null {
    const [, path, number] = /^(.*[^/])_([1-9]\d*)$/.exec(around) ?? [];
    if (path === undefined || !this.#reads.has(path)) return null;
    if (this.#owners.has(this.#module(parent, around, around))) return null;
    const hasParameters = this.#owners.has(this.#module(parent, path, path));
    return hasParameters || this.#isAlike(around, path) ? { path, call: Number(number) } : null;
  }

  #isAlike(later: string, first: string): boolean {
    const [own, others] = [this.#operators.get(later), this.#operators.get(first)];
    if (own === undefined || others === undefined) return false;
    if (own.join() === others.join()) return true;
    if (!this.#sharesWith(later, first)) return false;
    // An optimizer leaves it to either of them.
    return isWithin(own, others) || (this.#sharesWith(first, later) && own.at(-1) === others.at(-1));
  }

  /** Whether the nodes of a path read what those of another one have made and read themselves. */
  #sharesWith(path: string, other: string): boolean {
    const [made, read] = [this.#made.get(other)!, this.#read.get(other)!];
    return [...this.#read.get(path)!].some((tensor) => made.has(tensor) && read.has(tensor));
  }
}

function addTo(sets: Map<string, Set<string>>, path: string, names: readonly string[]): void {
  const known = sets.get(path) ?? new Set();
  for (const name of names) known.add(name);
  sets.set(path, known);
}

/** Whether a list is another one without some of its elements. */
function isWithin(some: readonly string[], all: readonly string[]): boolean {
  let at = 0;
  for (const one of all) if (one === some[at]) at++;
  return at === some.length;
}

/** The paths around a path: `a.b.c` → ['a', 'a.b'], `/a/b` → ['', '/a']. */
function above(path: string, separator: string): string[] {
  const found: string[] = [];
  for (let end = path.indexOf(separator); end >= 0; end = path.indexOf(separator, end + 1))
    found.push(path.slice(0, end));
  return found;
}

function lastPart(path: string, separator: string): string {
  return path.slice(path.lastIndexOf(separator) + 1);
}

/** The module that holds a module; '' for the root. */
function pathOfModule(module: string): string {
  return module.slice(0, Math.max(0, module.lastIndexOf('.')));
}

function join(parent: string, part: string): string {
  return parent === '' ? part : `${parent}.${part}`;
}
