import type { ts } from 'ts-morph';
import { syntax } from './parse.ts';

/** A name that the file declares. */
export interface Binding {
  readonly name: string;
  readonly kind: 'var' | 'let' | 'const' | 'parameter' | 'function' | 'class' | 'import' | 'other';
  /** The node whose text is the binding's scope. */
  readonly scope: ts.Node;
  /** Its name where it is declared, and where that stands. */
  readonly declaration: ts.Identifier;
  readonly position: number;
  /** The function that it names, or its initializer. */
  readonly value: ts.Node | undefined;
}

/** All names of a file, found by the scope they live in. */
export class Scopes {
  readonly #scopes = new Map<ts.Node, Map<string, Binding>>();

  constructor(source: ts.SourceFile) {
    this.#open(source);
    this.#walk(source);
  }

  /** The binding that `name` means at `node`, if the file declares it. */
  resolve(name: string, node: ts.Node): Binding | undefined {
    for (let at: ts.Node | undefined = node; at; at = at.parent) {
      const binding = this.#scopes.get(at)?.get(name);
      if (binding) return binding;
    }
    return undefined;
  }

  /** The names that `scope` itself declares. */
  declaredIn(scope: ts.Node): readonly Binding[] {
    return [...(this.#scopes.get(scope)?.values() ?? [])];
  }

  all(): readonly Binding[] {
    return [...this.#scopes.values()].flatMap((names) => [...names.values()]);
  }

  #open(node: ts.Node): void {
    if (!this.#scopes.has(node)) this.#scopes.set(node, new Map());
  }

  #declare(name: ts.BindingName, kind: Binding['kind'], scope: ts.Node, value?: ts.Node): void {
    if (!syntax.isIdentifier(name)) {
      for (const element of name.elements) {
        if (syntax.isBindingElement(element)) this.#declare(element.name, kind, scope);
      }
      return;
    }
    this.#open(scope);
    const names = this.#scopes.get(scope)!;
    const known = names.get(name.text);
    // `var x` beside a parameter x is the parameter.
    if (known && kind === 'var') return;
    names.set(name.text, { name: name.text, kind, scope, declaration: name, position: name.getStart(), value });
  }

  #walk(node: ts.Node): void {
    this.#declarationsOf(node);
    syntax.forEachChild(node, (child) => this.#walk(child));
  }

  #declareVariable(node: ts.VariableDeclaration): void {
    const { parent } = node;
    if (syntax.isCatchClause(parent)) {
      this.#declare(node.name, 'let', parent);
      return;
    }
    const flags = parent.flags & syntax.NodeFlags.BlockScoped;
    const kind = flags === 0 ? 'var' : flags === syntax.NodeFlags.Let ? 'let' : 'const';
    const scope = kind === 'var' ? functionScope(node) : blockScope(parent);
    this.#declare(node.name, kind, scope, node.initializer);
  }

  #declarationsOf(node: ts.Node): void {
    if (syntax.isVariableDeclaration(node)) this.#declareVariable(node);
    if (syntax.isParameter(node)) this.#declare(node.name, 'parameter', node.parent);
    if (syntax.isFunctionDeclaration(node) || syntax.isClassDeclaration(node)) {
      const kind = syntax.isClassDeclaration(node) ? 'class' : 'function';
      if (node.name) this.#declare(node.name, kind, blockScope(node), node);
      return;
    }
    if (syntax.isFunctionExpression(node) || syntax.isClassExpression(node)) {
      if (node.name) this.#declare(node.name, 'other', node);
      return;
    }
    if (syntax.isImportClause(node) || syntax.isImportSpecifier(node) || syntax.isNamespaceImport(node)) {
      if (node.name) this.#declare(node.name, 'import', node.getSourceFile());
      return;
    }
    if (syntax.isImportEqualsDeclaration(node)) this.#declare(node.name, 'import', blockScope(node));
    if (syntax.isEnumDeclaration(node)) this.#declare(node.name, 'other', blockScope(node));
  }
}

/** Where a `var` lives. */
function functionScope(node: ts.Node): ts.Node {
  let at = node.parent;
  while (
    !syntax.isFunctionLike(at) &&
    !syntax.isSourceFile(at) &&
    !syntax.isModuleBlock(at) &&
    !syntax.isClassStaticBlockDeclaration(at)
  ) {
    at = at.parent;
  }
  return at;
}

/** Where a `let` lives. A function's parameters and the names of its body are one scope: they cannot collide. */
function blockScope(node: ts.Node): ts.Node {
  for (let at = node.parent; ; at = at.parent) {
    if (syntax.isBlock(at) && (syntax.isFunctionLike(at.parent) || syntax.isClassStaticBlockDeclaration(at.parent))) {
      return at.parent;
    }
    if (
      syntax.isBlock(at) ||
      syntax.isSourceFile(at) ||
      syntax.isModuleBlock(at) ||
      syntax.isCaseBlock(at) ||
      syntax.isIterationStatement(at, false)
    ) {
      return at;
    }
  }
}
