import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import type { Member } from './indexing.ts';
import { inherited, isInherited } from './inherited.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isPrivate, privateDeclaration } from './privates.ts';

/** A member that JavaScript itself assigns to, in a pattern or the head of a loop: `[o.p] = v` → `[place(o, 'p').value] = v`. */
export function lowerTarget(lowering: Lowering, node: Member): Code {
  if (isPrivate(node)) return privateTarget(lowering, node, lowering.argument(node.expression));
  if (isInherited(node)) return inherited(lowering, node, 'touch');
  const at = lowering.start(node);
  const values = [lowering.argument(node.expression), keyCode(lowering, node), lowering.sites.at(at)];
  return [operator('place', at, values), '.value'];
}

/** `o.#x` as an assignment's target: `field(o, id, (o) => o.#x, (o, v) => { o.#x = v; }).#x`. */
export function privateTarget(lowering: Lowering, node: ts.PropertyAccessExpression, object: Code): Code {
  const name = node.name.text;
  const declaration = privateDeclaration(node);
  // An accessor is the class's own code: its effects are noted there.
  if (!declaration || !syntax.isPropertyDeclaration(declaration)) return ['(', object, ')', `.${name}`];
  const id = lowering.siteOf(declaration);
  const access = `(o) => o.${name}, (o, v) => { o.${name} = v; }`;
  return [operator('field', lowering.start(node), [object, id, access]), `.${name}`];
}

/** The key of a member as a value. */
export function keyCode(lowering: Lowering, node: Member): Code {
  return syntax.isElementAccessExpression(node) ? lowering.argument(keyOf(lowering, node)) : `'${node.name.text}'`;
}
