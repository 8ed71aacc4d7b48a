import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';

/** `[a]` → `fresh([a])`, `{ a }` → `fresh({ a })`: a branch or loop may freely change the objects that it makes. */
export function lowerLiteral(lowering: Lowering, node: ts.ArrayLiteralExpression | ts.ObjectLiteralExpression): Code {
  const code = lowering.copy(node);
  return isAssignmentTarget(node) || isTakenApart(node) ? code : operator('fresh', lowering.start(node), [code]);
}

/** Whether the literal itself cannot be reached: only its elements are used. */
function isTakenApart(node: ts.Expression): boolean {
  const { parent } = node;
  if (syntax.isForOfStatement(parent)) return parent.expression === node;
  if (syntax.isVariableDeclaration(parent)) return parent.initializer === node && !syntax.isIdentifier(parent.name);
  if (syntax.isElementAccessExpression(parent)) return parent.expression === node;
  return syntax.isSpreadElement(parent) || syntax.isSpreadAssignment(parent);
}
