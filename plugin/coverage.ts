import { ts } from '@ts-morph/common';
import MagicString from 'magic-string';
import type { SourceMapJson } from './source-maps.ts';

/** What compiled code imports. */
export const OPERATORS = 'onnsight/operators';

/**
 * JavaScript with compiled blocks, for vitest's coverage: it counts every function that stands on a line of the user's.
 * The heads of those that compiling made move to lines of their own, which belong to no line of the user's, and so do the
 * `return`s of those that are expressions.
 *
 * @returns null if there are no blocks
 */
export function withoutClosures(code: string, file: string): { code: string; map: SourceMapJson } | null {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const namespace = namespaceIn(source);
  if (namespace === null) return null;
  const output = new MagicString(code);
  const visit = (node: ts.Node): void => {
    if (ts.isArrowFunction(node) && isMade(node, namespace)) {
      const start = node.getStart();
      const body = node.body.getStart();
      const head = code.slice(start, body);
      output.remove(start, body);
      if (ts.isBlock(node.body)) output.appendLeft(start, `\n${head}\n`);
      else output.appendLeft(start, `\n${head}{ return (\n`).appendRight(node.body.end, '\n); }');
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  const map = output.generateMap({ hires: 'boundary', source: file, includeContent: true });
  return { code: output.toString(), map: JSON.parse(map.toString()) };
}

/** The name under which compiled code imports the operators. */
function namespaceIn(source: ts.SourceFile): string | null {
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (statement.moduleSpecifier.text === OPERATORS && bindings && ts.isNamespaceImport(bindings))
      return bindings.name.text;
  }
  return null;
}

/** Whether a function is an argument of an operator, also within lists: one of the user's stands in a `block`. */
function isMade(node: ts.ArrowFunction, namespace: string): boolean {
  let { parent } = node;
  while (ts.isArrayLiteralExpression(parent)) ({ parent } = parent);
  if (!ts.isCallExpression(parent) || !ts.isPropertyAccessExpression(parent.expression)) return false;
  const { expression, name } = parent.expression;
  return ts.isIdentifier(expression) && expression.text === namespace && name.text !== 'block';
}
