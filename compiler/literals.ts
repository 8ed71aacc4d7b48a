import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';

/** `[a]` → `fresh([a])`, `{ a }` → `fresh({ a })`: what a branch or loop makes itself it may change as it likes. */
export function lowerLiteral(lowering: Lowering, node: ts.ArrayLiteralExpression | ts.ObjectLiteralExpression): Code {
  const code = lowering.copy(node);
  return isAssignmentTarget(node) || isTakenApart(node) ? code : operator('fresh', lowering.start(node), [code]);
}

/** Whether nobody gets hold of the literal itself: its parts are all that is used. */
function isTakenApart(node: ts.Expression): boolean {
  const { parent } = node;
  if (syntax.isForOfStatement(parent)) return parent.expression === node;
  if (syntax.isVariableDeclaration(parent)) return parent.initializer === node && !syntax.isIdentifier(parent.name);
  if (syntax.isElementAccessExpression(parent)) return parent.expression === node;
  return syntax.isSpreadElement(parent) || syntax.isSpreadAssignment(parent);
}
