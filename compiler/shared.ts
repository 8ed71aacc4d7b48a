import type { ts } from 'ts-morph';
import { syntax } from './parse.ts';
import type { Reference } from './references.ts';
import type { Binding } from './scope.ts';

/**
 * Variables that a traced function assigns although another function declares them. Any call of that function, by
 * any name, changes them: so each assignment tells the runtime, by a slot that is made where the variable is declared.
 */
export class SharedVariables {
  readonly #slots = new Map<Binding, string>();
  /** Those for which no slot can be made: functions and classes that are assigned, heads without a block. */
  readonly #unplaced = new Set<Binding>();

  constructor(references: readonly Reference[], traced: ReadonlySet<ts.Node>, isTaken: (name: string) => boolean) {
    for (const { binding, node, writes } of references) {
      if (!writes || this.#slots.has(binding)) continue;
      const fn = functionOf(node);
      if (fn === functionOf(binding.scope) || !isTraced(fn, traced)) continue;
      if (!hasPlace(binding, traced)) {
        this.#unplaced.add(binding);
        continue;
      }
      let name = `__w${this.#slots.size}`;
      while (isTaken(name)) name += '_';
      this.#slots.set(binding, name);
    }
  }

  has(binding: Binding): boolean {
    return this.#slots.has(binding);
  }

  /** `note(slot), ` for each shared variable, in front of the code at `node` that assigns it. */
  notes(bindings: readonly (Binding | undefined)[], node: ts.Node, site: () => string): string {
    const note = (binding: Binding): string => {
      const slot = this.#slots.get(binding);
      if (slot) return `__o.note(${slot}), `;
      const isForeign = this.#unplaced.has(binding) && functionOf(node) !== functionOf(binding.scope);
      return isForeign ? `__o.unnoted('${binding.name}', ${site()}), ` : '';
    };
    return bindings.map((binding) => (binding ? note(binding) : '')).join('');
  }

  /** The slots of variables, as parts of a declaration: `slot = variable('x', …)`. */
  declare(bindings: readonly (Binding | undefined)[]): readonly string[] {
    return bindings.flatMap((binding) => {
      const slot = binding && this.#slots.get(binding);
      if (!binding || !slot) return [];
      return `${slot} = __o.variable('${binding.name}', () => ${binding.name}, (__v) => { ${binding.name} = __v; })`;
    });
  }

  /**
   * Those of a scope, for its front: all of a file, of the head of a loop and of a catch clause; of a function its
   * parameters and its `var`s, as a `let` makes its slot where it is declared.
   */
  declareFor(scope: ts.Node): string {
    const bindings = [...this.#slots.keys()].filter((one) => one.scope === scope);
    const isWhole = syntax.isSourceFile(scope) || isHeaded(scope);
    const parts = this.declare(bindings.filter(({ kind }) => isWhole || kind === 'parameter' || kind === 'var'));
    return parts.length === 0 ? '' : ` const ${parts.join(', ')};`;
  }
}

/** Whether variables that stand in front of a body are seen there alone: those of a loop's head and of a catch clause. */
function isHeaded(scope: ts.Node): scope is ts.IterationStatement | ts.CatchClause {
  return syntax.isIterationStatement(scope, false) || syntax.isCatchClause(scope);
}

/** Whether the slot of a variable can be made at its declaration; other variables are found by the functions that code mentions. */
function hasPlace({ kind, scope, declaration }: Binding, traced: ReadonlySet<ts.Node>): boolean {
  if (kind !== 'parameter' && kind !== 'var' && kind !== 'let') return false;
  if (syntax.isSourceFile(scope)) return kind !== 'parameter';
  if (isHeaded(scope)) return syntax.isCatchClause(scope) || syntax.isBlock(scope.statement) || isTraced(scope, traced);
  if (kind === 'let') return syntax.isVariableStatement(listOf(declaration).parent);
  return traced.has(scope) || ('body' in scope && scope.body !== undefined && syntax.isBlock(scope.body as ts.Node));
}

/** The declaration that a name stands in. */
function listOf(name: ts.Node): ts.Node {
  let at = name;
  while (syntax.isIdentifier(at) || syntax.isBindingElement(at) || syntax.isBindingName(at)) at = at.parent;
  return syntax.isVariableDeclaration(at) ? at.parent : at;
}

function isTraced(fn: ts.Node, traced: ReadonlySet<ts.Node>): boolean {
  for (let at = fn; !syntax.isSourceFile(at); at = at.parent) if (traced.has(at)) return true;
  return false;
}

/** The function, or the file, whose code a node is. */
function functionOf(node: ts.Node): ts.Node {
  let at = node;
  while (!syntax.isFunctionLike(at) && !syntax.isSourceFile(at) && !syntax.isClassStaticBlockDeclaration(at)) {
    at = at.parent;
  }
  return at;
}
