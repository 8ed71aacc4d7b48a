import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';
import { isWrapper } from './wrappers.ts';

export type Member = ts.ElementAccessExpression | ts.PropertyAccessExpression;

export function isMember(node: ts.Node): node is Member {
  return syntax.isElementAccessExpression(node) || syntax.isPropertyAccessExpression(node);
}

/** Whether a write to the member is a call: private and inherited members can only be written by their class. */
export function isSettable(node: Member): boolean {
  if (node.expression.kind === syntax.SyntaxKind.SuperKeyword) return false;
  return syntax.isElementAccessExpression(node) || !syntax.isPrivateIdentifier(node.name);
}

/** A read: `a[k]` → `getitem(a, k)`, `a.length` → `length(a)`; other members answer for themselves. */
export function lowerMember(lowering: Lowering, node: Member): Code {
  const key = syntax.isElementAccessExpression(node) ? keyOf(lowering, node) : null;
  const isNative = !isSettable(node) || isAssignmentTarget(node) || isTag(node) || isOfMeta(node);
  if (isNative) return lowering.copy(node);
  const { expression: object } = node;
  const at = lowering.start(node);
  if (key) {
    return operator('getitem', at, [
      [lowering.argument(object), lowering.trivia(object.end, lowering.start(key))],
      [lowering.argument(key), lowering.trivia(key.end, node.end)],
      lowering.sites.at(at),
    ]);
  }
  if (syntax.isElementAccessExpression(node) || node.name.text !== 'length') return lowering.copy(node);
  return operator('length', at, [
    [lowering.argument(object), lowering.trivia(object.end, node.end)],
    lowering.sites.at(at),
  ]);
}

/** The tag of a template keeps its `this`. */
function isTag(node: ts.Node): boolean {
  const { parent } = node;
  if (syntax.isTaggedTemplateExpression(parent)) return parent.tag === node;
  return isWrapper(parent) && isTag(parent);
}

function isOfMeta({ expression }: Member): boolean {
  return syntax.isMetaProperty(expression);
}
