import type { ts } from 'ts-morph';
import { syntax } from './parse.ts';

/** The names by which a file knows the library. */
export interface LibraryImports {
  /** Local names of `intervention`. */
  readonly interventions: Set<string>;
  readonly namespaces: Set<string>;
}

/** The file's imports from the library, in any form; null if there are none. */
export function libraryImports(source: ts.SourceFile): LibraryImports | null {
  const imports: LibraryImports = { interventions: new Set(), namespaces: new Set() };
  let found = false;
  for (const statement of source.statements) {
    if (!syntax.isImportDeclaration(statement) || !isLibrary(statement.moduleSpecifier)) continue;
    found = true;
    const bindings = statement.importClause?.namedBindings;
    if (bindings && syntax.isNamespaceImport(bindings)) imports.namespaces.add(bindings.name.text);
    else if (bindings) {
      for (const { name, propertyName } of bindings.elements) {
        if ((propertyName ?? name).text === 'intervention') imports.interventions.add(name.text);
      }
    }
  }
  return found || mentionsLibrary(source, imports) ? imports : null;
}

/** `require('onnsight')`, `import x = require('onnsight')`, `await import('onnsight')` */
function mentionsLibrary(source: ts.SourceFile, imports: LibraryImports): boolean {
  let found = false;
  const visit = (node: ts.Node): void => {
    if (syntax.isExternalModuleReference(node) && isLibrary(node.expression)) {
      found = true;
      if (syntax.isImportEqualsDeclaration(node.parent)) imports.namespaces.add(node.parent.name.text);
    }
    if (isRequired(node)) {
      found = true;
      addRequired(node, imports);
    }
    syntax.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** `require('onnsight')`, `import('onnsight')`, awaited or not */
export function isRequired(node: ts.Node): boolean {
  if (syntax.isAwaitExpression(node)) return isRequired(node.expression);
  if (!syntax.isCallExpression(node) || !node.arguments[0] || !isLibrary(node.arguments[0])) return false;
  const { expression } = node;
  const isRequire = syntax.isIdentifier(expression) && expression.text === 'require';
  return isRequire || expression.kind === syntax.SyntaxKind.ImportKeyword;
}

function addRequired(call: ts.Node, imports: LibraryImports): void {
  const holder = syntax.isAwaitExpression(call.parent) ? call.parent.parent : call.parent;
  if (!syntax.isVariableDeclaration(holder)) return;
  if (syntax.isIdentifier(holder.name)) imports.namespaces.add(holder.name.text);
  else if (syntax.isObjectBindingPattern(holder.name)) {
    for (const { name, propertyName } of holder.name.elements) {
      if (syntax.isIdentifier(name) && (propertyName ?? name).getText() === 'intervention') {
        imports.interventions.add(name.text);
      }
    }
  }
}

function isLibrary(specifier: ts.Expression): boolean {
  return syntax.isStringLiteralLike(specifier) && /^onnsight(\/|$)/.test(specifier.text);
}
