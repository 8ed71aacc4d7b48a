import type { ts } from 'ts-morph';
import { lowerAssignment, lowerCompound, lowerIncrement, lowerShorthandTarget } from './assignments.ts';
import { lowerCall, lowerNew } from './calls.ts';
import { isChain, lowerChain } from './chains.ts';
import { lowerClass } from './classes.ts';
import { type Code, span } from './code.ts';
import { plain } from './conditionals.ts';
import { lowerTakingApart, lowerVariables, slotsOf } from './declarations.ts';
import { lowerDelete } from './deletions.ts';
import { isFunction, prologue } from './directives.ts';
import { lowerFunction } from './functions.ts';
import { isMember, lowerMember } from './indexing.ts';
import { lowerDelegation, lowerSpread } from './items.ts';
import { lowerKey } from './keys.ts';
import { lowerList } from './lists.ts';
import { lowerLiteral, lowerUntracedLiteral } from './literals.ts';
import { LOGICAL, lowerConditionalExpression, lowerLogical } from './logical.ts';
import type { Lowering } from './lowering.ts';
import { marksIn } from './marks.ts';
import {
  isLoweredBinary,
  isLoweredRelation,
  lowerBinary,
  lowerTemplate,
  lowerTypeof,
  lowerUnary,
} from './operators.ts';
import { isOwnArguments } from './own-arguments.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';
import { lowerStatement } from './statements.ts';
import { lowerTagged } from './tags.ts';
import { lowerTarget } from './targets.ts';

/** Lowers any node: every construct has its own file, everything else is copied and its children lowered. */
export function visit(lowering: Lowering, node: ts.Node): Code {
  if (isFunction(node) && (lowering.fn || lowering.traced.functions.has(node))) return lowerFunction(lowering, node);
  if (syntax.isClassLike(node)) return lowerClass(lowering, node);
  if (isOnlyType(node)) return lowering.verbatim(node);
  if (!lowering.fn) return copyUntraced(lowering, node);
  if (syntax.isExpression(node)) return visitExpression(lowering, node);
  if (syntax.isVariableDeclarationList(node)) return lowerVariables(lowering, node);
  if (syntax.isVariableDeclaration(node) && !syntax.isIdentifier(node.name) && node.initializer) {
    return lowerTakingApart(lowering, node.name, node.initializer);
  }
  if (syntax.isSpreadAssignment(node)) return lowerSpread(lowering, node);
  if (syntax.isComputedPropertyName(node)) return lowerKey(lowering, node);
  if (syntax.isShorthandPropertyAssignment(node) && node.objectAssignmentInitializer) {
    return lowerShorthandTarget(lowering, node, node.objectAssignmentInitializer);
  }
  if (syntax.isClassStaticBlockDeclaration(node)) return lowerFunction(lowering, node);
  if (syntax.isCaseOrDefaultClause(node)) return visitClause(lowering, node);
  if (syntax.isTemplateSpan(node)) return lowering.copy(node);
  const isNested = syntax.isBlock(node) && !isFunction(node.parent);
  return isNested ? lowerStatement(lowering, node, { kind: 'other' }) : lowering.copy(node);
}

function visitExpression(lowering: Lowering, node: ts.Expression): Code {
  if (isOwnArguments(lowering, node)) return lowering.frame.arguments();
  if (syntax.isBinaryExpression(node)) return visitBinary(lowering, node);
  if (isChain(node)) return lowerChain(lowering, node);
  if (isMember(node)) return isAssignmentTarget(node) ? lowerTarget(lowering, node) : lowerMember(lowering, node);
  if (syntax.isSpreadElement(node)) return lowerSpread(lowering, node);
  if (syntax.isArrayLiteralExpression(node) || syntax.isObjectLiteralExpression(node))
    return lowerLiteral(lowering, node);
  if (syntax.isDeleteExpression(node)) return lowerDelete(lowering, node);
  if (syntax.isPrefixUnaryExpression(node) || syntax.isPostfixUnaryExpression(node)) {
    const isUpdate =
      node.operator === syntax.SyntaxKind.PlusPlusToken || node.operator === syntax.SyntaxKind.MinusMinusToken;
    if (isUpdate) return lowerIncrement(lowering, node);
    return syntax.isPrefixUnaryExpression(node) ? lowerUnary(lowering, node) : lowering.copy(node);
  }
  if (syntax.isCallExpression(node)) return lowerCall(lowering, node);
  if (syntax.isNewExpression(node)) return lowerNew(lowering, node);
  if (syntax.isTaggedTemplateExpression(node)) return lowerTagged(lowering, node);
  if (syntax.isTypeOfExpression(node)) return lowerTypeof(lowering, node);
  if (syntax.isConditionalExpression(node)) return lowerConditionalExpression(lowering, node);
  if (syntax.isTemplateExpression(node)) {
    return syntax.isTaggedTemplateExpression(node.parent) ? lowering.copy(node) : lowerTemplate(lowering, node);
  }
  if (syntax.isAwaitExpression(node) || syntax.isYieldExpression(node)) return visitSuspension(lowering, node);
  return lowering.copy(node);
}

function visitBinary(lowering: Lowering, node: ts.BinaryExpression): Code {
  const { kind } = node.operatorToken;
  const text = syntax.tokenToString(kind)!;
  if (text === '=') return lowerAssignment(lowering, node);
  if (kind >= syntax.SyntaxKind.FirstAssignment && kind <= syntax.SyntaxKind.LastAssignment) {
    return lowerCompound(lowering, node);
  }
  if (LOGICAL.has(text)) return lowerLogical(lowering, node);
  return isLoweredBinary(text) || isLoweredRelation(node) ? lowerBinary(lowering, node) : lowering.copy(node);
}

/** `await x` → `await plain(x)`: it is over before the model runs. An async generator awaits what it yields. */
function visitSuspension(lowering: Lowering, node: ts.AwaitExpression | ts.YieldExpression): Code {
  const { expression } = node;
  if (syntax.isYieldExpression(node) && node.asteriskToken) return lowerDelegation(lowering, node);
  if (syntax.isYieldExpression(node) && !isOfAsync(node)) return lowering.copy(node);
  const name = syntax.isAwaitExpression(node) ? 'await' : 'yield';
  return lowering.copy(node, (child) =>
    expression && child === expression ? plain(lowering, expression, name) : lowering.visit(child),
  );
}

/** Whether the function around a node is async. */
function isOfAsync(node: ts.Node): boolean {
  const around = syntax.findAncestor(node, syntax.isFunctionLike);
  return around !== undefined && syntax.canHaveModifiers(around)
    ? (syntax.getModifiers(around)?.some(({ kind }) => kind === syntax.SyntaxKind.AsyncKeyword) ?? false)
    : false;
}

function visitClause(lowering: Lowering, node: ts.CaseOrDefaultClause): Code {
  const from = node.statements.pos;
  const list = lowerList(lowering, { statements: node.statements, from, to: node.end, owner: node }, 'native');
  if (syntax.isDefaultClause(node)) return [span(lowering.start(node), from), list];
  const { expression } = node;
  return [
    span(lowering.start(node), lowering.start(expression)),
    plain(lowering, expression, 'case'),
    span(expression.end, from),
    list,
  ];
}

/** Outside of traced functions only their marks are added, and the slots of variables that they assign. */
function copyUntraced(lowering: Lowering, node: ts.Node): Code {
  if (syntax.isVariableDeclarationList(node)) return [lowering.copy(node), slotsOf(lowering, node)];
  if (syntax.isObjectLiteralExpression(node)) return lowerUntracedLiteral(lowering, node);
  const slots = syntax.isBlock(node) ? lowering.shared.declareFor(node.parent) : '';
  const marks = marksIn(lowering, node).map(({ code }) => ` ${code}`);
  if ((marks.length === 0 && slots === '') || !('statements' in node)) return lowering.copy(node);
  const statements = node.statements as ts.NodeArray<ts.Statement>;
  const at = prologue(statements).at(-1)?.end ?? statements.pos;
  return lowering.copy(node, lowering.visit, { at, code: [slots, ...marks] });
}

/** Nodes that have no meaning at run time, or are evaluated by the compiler. */
function isOnlyType(node: ts.Node): boolean {
  return (
    (syntax.isTypeNode(node) && !syntax.isExpressionWithTypeArguments(node)) ||
    syntax.isTypeParameterDeclaration(node) ||
    syntax.isInterfaceDeclaration(node) ||
    syntax.isTypeAliasDeclaration(node) ||
    syntax.isEnumDeclaration(node)
  );
}
