import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import { lowerAssigned } from './defaults.ts';
import { isMember, isSettable } from './indexing.ts';
import { partsOf } from './items.ts';
import { keyOf } from './keys.ts';
import { decided, logical } from './logical.ts';
import type { Lowering } from './lowering.ts';
import { isLoweredBinary } from './operators.ts';
import { syntax } from './parse.ts';
import { placeOf, setitem } from './places.ts';
import { isAssignmentTarget } from './references.ts';
import { suspends } from './suspension.ts';
import { unwrap } from './wrappers.ts';

/** `a[k] = v` → `setitem(a, k, v)`, `a.p = v` → `setitem(a, 'p', v)`; variables and patterns are assigned natively. */
export function lowerAssignment(lowering: Lowering, node: ts.BinaryExpression): Code {
  const target = unwrap(node.left);
  if (isAssignmentTarget(node)) return lowerDefaultTarget(lowering, node, target);
  if (syntax.isArrayLiteralExpression(target) || syntax.isObjectLiteralExpression(target)) {
    const code = lowering.copy(node, (child) =>
      child === node.right ? partsOf(lowering, target, node.right) : lowering.visit(child),
    );
    return lowering.noted(target, code);
  }
  if (!isMember(target)) return lowering.noted(target, lowering.copy(node));
  if (!isSettable(target)) return placeOf(lowering, target).assign('first', lowering.argument(node.right));
  const { expression: object } = target;
  const start = lowering.start(node.right);
  const value: Code = [lowering.trivia(target.end, start), lowering.argument(node.right)];
  if (syntax.isPropertyAccessExpression(target)) {
    const before = lowering.trivia(object.end, target.end);
    return setitem(lowering, target, [lowering.argument(object), before], `'${target.name.text}'`, value);
  }
  const key = keyOf(lowering, target);
  const keyCode = [lowering.trivia(object.end, lowering.start(key)), lowering.argument(key)];
  return setitem(lowering, target, lowering.argument(object), keyCode, value);
}

/** A part of a pattern with its default value: `[o.p = 1] = v`. */
function lowerDefaultTarget(lowering: Lowering, node: ts.BinaryExpression, target: ts.Expression): Code {
  if (suspends(lowering.frame, node)) return lowering.copy(node);
  const isPattern = syntax.isArrayLiteralExpression(target) || syntax.isObjectLiteralExpression(target);
  const set: Code = isPattern
    ? ['(', lowering.visit(target), ' = __v)']
    : placeOf(lowering, target).assign('first', '__v');
  return lowerAssigned(lowering, target, node.right, set);
}

/** `{ a = 1 } = v` → `{ a: assigned((v) => { a = v; }, () => 1).value } = v` */
export function lowerShorthandTarget(
  lowering: Lowering,
  { name }: ts.ShorthandPropertyAssignment,
  initializer: ts.Expression,
): Code {
  if (suspends(lowering.frame, initializer)) return [name.text, ' = ', lowering.visit(initializer)];
  return [`${name.text}: `, lowerAssigned(lowering, name, initializer, [name.text, ' = __v'])];
}

/** `x += v` → `x = binary('+', x, v)`, `a[k] += v` → `setitem(a, k, binary('+', getitem(a, k), v))`, `x &&= v`. */
export function lowerCompound(lowering: Lowering, node: ts.BinaryExpression): Code {
  const text = node.operatorToken.getText().slice(0, -1);
  const target = unwrap(node.left);
  const at = lowering.start(node.operatorToken);
  if (isLoweredBinary(text)) {
    const place = placeOf(lowering, target);
    const value: Code = [lowering.trivia(target.end, lowering.start(node.right)), lowering.argument(node.right)];
    return place.assign(
      'first',
      operator('binary', at, [`'${text}'`, place.read('again'), value, lowering.sites.at(at)]),
    );
  }
  return lowerLogicalCompound(lowering, node, target, text);
}

/** `x &&= v` → `x = and(x, () => v)`; a member is only set where the value is: setting it may do something. */
function lowerLogicalCompound(
  lowering: Lowering,
  node: ts.BinaryExpression,
  target: ts.Expression,
  text: string,
): Code {
  const { right, operatorToken } = node;
  const place = placeOf(lowering, target);
  if (suspends(lowering.frame, right)) {
    const at = lowering.start(operatorToken);
    const test = decided(place.read('first'), text, at, lowering.sites.at(at));
    return ['(', test, ` ${text} (`, place.assign('again', lowering.visit(right)), '))'];
  }
  if (!isMember(target)) {
    return place.assign('first', logical(lowering, node, place.read('again'), lowering.argument(right)));
  }
  const set: Code = place.assign('again', lowering.argument(right));
  return logical(lowering, node, place.read('first'), set);
}

/** `x++` → `x = increment(x, 1)`; a postfix whose value is used yields the old one, as a number. */
export function lowerIncrement(lowering: Lowering, node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression): Code {
  const target = unwrap(node.operand);
  const by = node.operator === syntax.SyntaxKind.PlusPlusToken ? '1' : '-1';
  const at = syntax.isPrefixUnaryExpression(node) ? lowering.start(node) : node.end - 2;
  const isUsed = !isUnused(node);
  const old = isUsed && syntax.isPostfixUnaryExpression(node) ? lowering.frame.temporary() : null;
  const place = placeOf(lowering, target);
  const site = lowering.sites.at(at);
  const read: Code = old ? [`${old} = `, operator('numeric', at, [place.read('again'), site])] : place.read('again');
  const updated = place.assign('first', operator('increment', at, [read, by, site]));
  if (old) return ['(', updated, `, ${old})`];
  return isUsed ? ['(', updated, ')'] : updated;
}

/** Whether nobody looks at the value of an expression. */
function isUnused(node: ts.Node): boolean {
  const { parent } = node;
  if (syntax.isExpressionStatement(parent)) return true;
  if (syntax.isForStatement(parent)) return parent.incrementor === node || parent.initializer === node;
  if (syntax.isParenthesizedExpression(parent)) return isUnused(parent);
  if (!syntax.isBinaryExpression(parent) || parent.operatorToken.kind !== syntax.SyntaxKind.CommaToken) return false;
  return parent.left === node || isUnused(parent);
}
