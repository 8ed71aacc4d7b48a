import type { ts } from 'ts-morph';
import type { Code } from './code.ts';
import { syntax } from './parse.ts';
import type { Reference } from './references.ts';
import type { Binding, Scopes } from './scope.ts';
import type { SharedVariables } from './shared.ts';

/** A part of the file that becomes a closure. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The variables that a branch, a loop's body or the rest of a list assigns and that outlive it: their values become
 * results of the node. Variables that a called local function assigns count, if the code mentions the function.
 */
export class States {
  readonly #references: readonly Reference[];
  readonly #scopes: Scopes;
  readonly #shared: SharedVariables;
  /** The functions that a variable may hold: what it is declared with or assigned. */
  readonly #functions = new Map<Binding, ts.Node[]>();

  readonly #hoisted: ReadonlySet<Binding>;

  /** @param hoisted variables that are declared in front of the parts which assign them */
  constructor(
    references: readonly Reference[],
    scopes: Scopes,
    shared: SharedVariables,
    hoisted: ReadonlySet<Binding>,
  ) {
    this.#shared = shared;
    this.#hoisted = hoisted;
    this.#references = references;
    this.#scopes = scopes;
    for (const { binding, node, writes } of references) {
      const value = node.parent === binding.declaration.parent ? binding.value : writes ? assignedTo(node) : undefined;
      const held = value === undefined ? [] : functionsIn(value);
      if (held.length > 0) this.#functions.set(binding, [...(this.#functions.get(binding) ?? []), ...held]);
    }
  }

  /** What the runtime needs to read and set the variables, or `null`; `at` is where the closure will be called. */
  of(range: Range, at: ts.Node): Code {
    const names = [...this.#assigned(range, range, new Set())]
      .filter((binding) => !this.#shared.has(binding) && this.#scopes.resolve(binding.name, at) === binding)
      .filter((binding) => this.#hoisted.has(binding) || !isUnborn(binding, range, at))
      .map(({ name }) => name);
    if (names.length === 0) return 'null';
    // calls, because V8 names the closures before an assignment of anything else after what is assigned
    const assignments = names.map((name, index) => `${name} = __v(${index});`).join(' ');
    const quoted = names.map((name) => `'${name}'`).join(', ');
    const access = `() => [${names.join(', ')}], (__v) => { ${assignments} }`;
    return { text: `__o.state([${quoted}], ${access})`, at: null };
  }

  /** Mentions of bindings from `start` to `end`. */
  within({ start, end }: Range): readonly Reference[] {
    return this.#references.slice(this.#firstFrom(start), this.#firstFrom(end));
  }

  #assigned(range: Range, closed: Range, seen: Set<Binding>): Set<Binding> {
    const found = new Set<Binding>();
    for (const { binding, writes } of this.within(range)) {
      if (writes && this.#outlives(binding, closed) && this.#outlives(binding, range)) found.add(binding);
      if (seen.has(binding)) continue;
      seen.add(binding);
      for (const value of this.#functions.get(binding) ?? []) {
        const body = { start: value.getStart(), end: value.end };
        for (const assigned of this.#assigned(body, closed, seen)) found.add(assigned);
      }
    }
    return found;
  }

  /** Whether a variable is there when a range has been left. */
  #outlives(binding: Binding, range: Range): boolean {
    if (this.#hoisted.has(binding)) return !contains(range, binding.scope);
    return isVariable(binding) && !isInside(binding, range);
  }

  #firstFrom(position: number): number {
    let low = 0;
    let high = this.#references.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#references[middle]!.position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isVariable({ kind }: Binding): boolean {
  return kind === 'var' || kind === 'let' || kind === 'parameter' || kind === 'function' || kind === 'class';
}

/** Whether the binding is born and dies within the range. */
function isInside(binding: Binding, { start, end }: Range): boolean {
  const born = binding.kind === 'var' ? binding.scope.getStart() : binding.position;
  return born >= start && born < end;
}

function contains({ start, end }: Range, node: ts.Node): boolean {
  return node.getStart() >= start && node.end <= end;
}

/** A `let` of the same function that comes later, or whose first value is being made, has no value yet that could be read. */
function isUnborn({ kind, position, scope, declaration }: Binding, range: Range, at: ts.Node): boolean {
  if (kind !== 'let' && kind !== 'class') return false;
  const isMade = position < range.start && !(kind === 'let' && encloses(declaration.parent, range));
  return !isMade && functionOf(scope) === functionOf(at);
}

/** Whether a range is a part of a variable's declaration: of its first value. */
function encloses(node: ts.Node, { start, end }: Range): boolean {
  return syntax.isVariableDeclaration(node) && node.getStart() <= start && end <= node.end;
}

function functionOf(node: ts.Node): ts.Node {
  let at = node;
  while (!syntax.isFunctionLike(at) && !syntax.isSourceFile(at) && !syntax.isClassStaticBlockDeclaration(at)) {
    at = at.parent;
  }
  return at;
}

function assignedTo({ parent }: ts.Identifier): ts.Node | undefined {
  return syntax.isBinaryExpression(parent) ? parent.right : undefined;
}

/** The functions that stand in a value: what stands around them runs when the value is made, not when they are called. */
function functionsIn(node: ts.Node): ts.Node[] {
  if (syntax.isFunctionLike(node)) return [node];
  const found: ts.Node[] = [];
  syntax.forEachChild(node, (child) => void found.push(...functionsIn(child)));
  return found;
}
