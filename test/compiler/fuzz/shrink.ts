import ts from 'typescript';

/**
 * The smallest program found that still fails as the given one does: statements are taken out, constructs are replaced
 * by their parts, as long as `fails` says that it is the same failure.
 */
export async function shrink(text: string, fails: (text: string) => Promise<boolean>): Promise<string> {
  let smallest = text;
  for (let size = 16; size >= 1; size >>= 1) {
    for (let isSmaller = true; isSmaller; ) {
      isSmaller = false;
      let left = [...candidates(smallest, size)];
      for (let position = 0; position < left.length; ) {
        if (await fails(left[position]!)) {
          // What now stands at this position was not tried yet.
          smallest = left[position]!;
          left = [...candidates(smallest, size)];
          isSmaller = true;
        } else position++;
      }
    }
  }
  return smallest;
}

/** Programs that are a bit smaller; with `size` above 1 only those without that many statements in a row. */
function* candidates(text: string, size: number): Generator<string> {
  const source = ts.createSourceFile('program.js', text, ts.ScriptTarget.ESNext, true, ts.ScriptKind.JS);
  const lists: ts.NodeArray<ts.Node>[] = [];
  const replacements: { node: ts.Node; by: string }[] = [];
  const visit = (node: ts.Node): void => {
    lists.push(...listsOf(node));
    for (const by of partsOf(node)) replacements.push({ node, by });
    ts.forEachChild(node, visit);
  };
  visit(source);
  const without = (from: number, to: number, by = ''): string => text.slice(0, from) + by + text.slice(to);
  for (const list of lists) {
    const from = isSeparated(list) ? 0 : list.length - size;
    for (let i = from; i >= 0 && i + size <= list.length; i += isSeparated(list) ? 1 : -1) {
      const end = list[i + size - 1]!.end;
      const comma = text[end] === ',' ? 1 : 0;
      yield without(list[i]!.pos, end + comma);
    }
  }
  if (size > 1) return;
  for (const { node, by } of replacements) yield without(node.getStart(source), node.end, by);
}

const isSeparated = (list: ts.NodeArray<ts.Node>): boolean => list.length > 0 && !ts.isStatement(list[0]!);

/** Lists whose members may be left out. */
function listsOf(node: ts.Node): ts.NodeArray<ts.Node>[] {
  if (ts.isBlock(node) || ts.isSourceFile(node) || ts.isCaseOrDefaultClause(node)) return [node.statements];
  if (ts.isArrayLiteralExpression(node)) return [node.elements];
  if (ts.isObjectLiteralExpression(node)) return [node.properties];
  if (ts.isClassLike(node)) return [node.members];
  if (ts.isVariableDeclarationList(node)) return [node.declarations];
  return [];
}

/** What a node may be replaced by. */
function partsOf(node: ts.Node): string[] {
  const of = (...nodes: readonly (ts.Node | undefined)[]) => nodes.flatMap((one) => (one ? [one.getText()] : []));
  if (ts.isIfStatement(node)) return of(node.thenStatement, node.elseStatement);
  if (ts.isIterationStatement(node, false)) return of(node.statement);
  if (ts.isLabeledStatement(node)) return of(node.statement);
  if (ts.isTryStatement(node)) return of(node.tryBlock, node.finallyBlock);
  if (ts.isBlock(node) && ts.isBlock(node.parent)) return [node.statements.map((one) => one.getText()).join('\n')];
  if (ts.isExpression(node)) return node.kind === ts.SyntaxKind.NumericLiteral ? [] : expressionParts(node, of);
  return [];
}

function expressionParts(node: ts.Expression, of: (...nodes: (ts.Node | undefined)[]) => string[]): string[] {
  if (ts.isBinaryExpression(node)) return of(node.left, node.right);
  if (ts.isConditionalExpression(node)) return of(node.whenTrue, node.whenFalse, node.condition);
  if (ts.isParenthesizedExpression(node)) return of(node.expression);
  if (ts.isPrefixUnaryExpression(node)) return of(node.operand);
  if (ts.isCallExpression(node)) return [...of(...node.arguments), '1'];
  if (ts.isIdentifier(node) || ts.isPropertyAccessExpression(node)) return isRead(node) ? ['1'] : [];
  return [];
}

/** Whether an expression is read, not assigned to, called or declared. */
function isRead(node: ts.Expression): boolean {
  const { parent } = node;
  if (ts.isBinaryExpression(parent)) return parent.right === node;
  return ts.isCallExpression(parent) ? parent.arguments.includes(node) : ts.isConditionalExpression(parent);
}
