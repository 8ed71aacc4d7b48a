import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import { isMember, type Member } from './indexing.ts';
import { inherited, isInherited } from './inherited.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { evaluated, receiver } from './places.ts';
import { isPrivate, privateDeclaration } from './privates.ts';
import { keyCode } from './targets.ts';
import { unwrap } from './wrappers.ts';

/** The code of a callee and of its receiver. */
export interface Callee {
  readonly function: Code;
  readonly object: Code;
}

/** The callee without parentheses, assertions and type arguments, which do not change it. */
export function calleeOf({ expression }: ts.CallExpression): ts.Expression {
  const inner = unwrap(expression);
  return syntax.isExpressionWithTypeArguments(inner) ? unwrap(inner.expression) : inner;
}

/** A callee whose object is evaluated once: `a.b.m` → `(t = a.b).m` and `t`. */
export function lowerCallee(lowering: Lowering, callee: ts.Expression): Callee {
  if (!isMember(callee)) return { function: lowering.argument(callee), object: 'undefined' };
  const { expression } = callee;
  if (expression.kind === syntax.SyntaxKind.SuperKeyword) {
    return { function: memberOf(lowering, callee, 'super'), object: 'this' };
  }
  const { first, again } = evaluated(lowering, expression);
  if (isLoweredPrivate(lowering, callee))
    return { function: ['__o.block(', receiver(first), `.${callee.name.text})`], object: again };
  const gap = lowering.trivia(expression.end, callee.end);
  return { function: memberOf(lowering, callee, gap === '' ? first : [first, gap]), object: again };
}

/** A private method cannot be marked where its class is defined. */
function isLoweredPrivate(lowering: Lowering, callee: Member): callee is ts.PropertyAccessExpression {
  const declaration = isPrivate(callee) ? privateDeclaration(callee) : undefined;
  return declaration !== undefined && lowering.traced.functions.has(declaration);
}

/** A member that is called. */
export function memberOf(lowering: Lowering, member: Member, object: Code): Code {
  if (isPrivate(member)) return [receiver(object), `.${member.name.text}`];
  if (isInherited(member)) return inherited(lowering, member, 'inherited');
  const at = lowering.start(member);
  return operator('method', at, [object, keyCode(lowering, member), lowering.sites.at(at)]);
}
