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

  constructor(references: readonly Reference[], traced: ReadonlySet<ts.Node>, isTaken: (name: string) => boolean) {
    for (const { binding, node, writes } of references) {
      if (!writes || this.#slots.has(binding) || !hasPlace(binding, traced)) continue;
      const fn = functionOf(node);
      if (fn === functionOf(binding.scope) || !isTraced(fn, traced)) continue;
      let name = `__w${this.#slots.size}`;
      while (isTaken(name)) name += '_';
      this.#slots.set(binding, name);
    }
  }

  has(binding: Binding): boolean {
    return this.#slots.has(binding);
  }

  /** `note(slot), ` for each shared variable, in front of the code that assigns it. */
  notes(bindings: readonly (Binding | undefined)[]): string {
    const slots = bindings.map((binding) => binding && this.#slots.get(binding));
    return slots.map((slot) => (slot ? `__o.note(${slot}), ` : '')).join('');
  }

  /** The slots of variables, as parts of a declaration: `slot = variable('x', …)`. */
  declare(bindings: readonly (Binding | undefined)[]): readonly string[] {
    return bindings.flatMap((binding) => {
      const slot = binding && this.#slots.get(binding);
      if (!binding || !slot) return [];
      return `${slot} = __o.variable('${binding.name}', () => ${binding.name}, (__v) => { ${binding.name} = __v; })`;
    });
  }

  /** Those of a scope whose variables have no declaration of their own there: a file, the parameters of a function. */
  declareFor(scope: ts.Node): string {
    const bindings = [...this.#slots.keys()].filter((one) => one.scope === scope);
    const isWhole = syntax.isSourceFile(scope);
    const parts = this.declare(bindings.filter(({ kind }) => isWhole || kind === 'parameter'));
    return parts.length === 0 ? '' : ` const ${parts.join(', ')};`;
  }
}

/** Whether the slot of a variable can be made at its declaration; other variables are found by the functions that code mentions. */
function hasPlace({ kind, scope, declaration }: Binding, traced: ReadonlySet<ts.Node>): boolean {
  if (kind === 'parameter') return traced.has(scope);
  if (syntax.isSourceFile(scope)) return kind === 'let' || kind === 'var';
  return kind === 'let' && syntax.isVariableStatement(listOf(declaration).parent);
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
