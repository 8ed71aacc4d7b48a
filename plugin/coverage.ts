import { ts } from '@ts-morph/common';
import MagicString from 'magic-string';
import type { SourceMapJson } from './source-maps.ts';

/** What compiled code imports. */
export const OPERATORS = 'onnsight/operators';

/**
 * JavaScript with compiled blocks, for vitest's coverage: it counts every function that stands on a line of the user's.
 * The heads of those that compiling made move to lines of their own, which belong to no line of the user's, and so do the
 * `return`s of those that are expressions, and the `if`s around what follows a jump, which are no branches here.
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
      const body = (restIn(node, namespace) ?? node.body).getStart();
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

/** Whether a function is an argument of an operator: one of the user's stands in a `block`. */
function isMade(node: ts.ArrowFunction, namespace: string): boolean {
  const operator = operatorOf(node, namespace);
  return operator !== null && operator !== 'block';
}

/** The operator that a function is an argument of, also within lists. */
function operatorOf(node: ts.ArrowFunction, namespace: string): string | null {
  let { parent } = node;
  while (ts.isArrayLiteralExpression(parent)) ({ parent } = parent);
  if (!ts.isCallExpression(parent) || !ts.isPropertyAccessExpression(parent.expression)) return null;
  const { expression, name } = parent.expression;
  return ts.isIdentifier(expression) && expression.text === namespace ? name.text : null;
}

/** The operators that are given what follows a jump, or a `catch`, in an `if` of a function with a parameter. */
const WITH_RESTS = ['proceed', 'inTurn', 'attempt'];

/** What stands in the `if` that is all of such a function; behind the declaration of what is caught, if it has a name. */
function restIn(node: ts.ArrowFunction, namespace: string): ts.Statement | null {
  if (!WITH_RESTS.includes(operatorOf(node, namespace)!) || node.parameters.length === 0) return null;
  const [only] = (node.body as ts.Block).statements;
  const rest = (only as ts.IfStatement).thenStatement as ts.Block;
  return node.parameters.length > 1 ? rest.statements.at(-1)! : rest;
}
