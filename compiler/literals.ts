import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import { keyText } from './directives.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';

/** `[a]` → `fresh([a])`, `{ a }` → `fresh({ a })`: a branch or loop may freely change the objects that it makes. */
export function lowerLiteral(lowering: Lowering, node: ts.ArrayLiteralExpression | ts.ObjectLiteralExpression): Code {
  const code = lowering.copy(node);
  if (isAssignmentTarget(node) || isTakenApart(node)) return code;
  const at = lowering.start(node);
  const made = operator('fresh', at, [code]);
  const hasAccessors = syntax.isObjectLiteralExpression(node) && node.properties.some(syntax.isAccessor);
  return hasAccessors ? operator('accessors', at, [made]) : made;
}

/** Outside of traced functions only those of its getters and setters are marked that are lowered. */
export function lowerUntracedLiteral(lowering: Lowering, node: ts.ObjectLiteralExpression): Code {
  const code = lowering.copy(node);
  const accessors = node.properties.filter(syntax.isAccessor).filter((one) => lowering.traced.functions.has(one));
  const keys = accessors.flatMap(({ name }) => keyText(name) ?? []);
  return keys.length === 0 ? code : operator('accessors', lowering.start(node), [code, `[${keys.join(', ')}]`]);
}

/** Whether the literal itself cannot be reached: only its elements are used. */
function isTakenApart(node: ts.Expression): boolean {
  const { parent } = node;
  if (syntax.isForOfStatement(parent)) return parent.expression === node;
  if (syntax.isVariableDeclaration(parent)) return parent.initializer === node && !syntax.isIdentifier(parent.name);
  if (syntax.isElementAccessExpression(parent)) return parent.expression === node;
  return syntax.isSpreadElement(parent) || syntax.isSpreadAssignment(parent);
}
