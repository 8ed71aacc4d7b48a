import type { ts } from 'ts-morph';
import type { Member } from './indexing.ts';
import { syntax } from './parse.ts';

/** `o.#x` */
export function isPrivate(node: Member): node is ts.PropertyAccessExpression {
  return syntax.isPropertyAccessExpression(node) && syntax.isPrivateIdentifier(node.name);
}

/** The field, method or accessor that a private name means. */
export function privateDeclaration({ name, parent }: ts.PropertyAccessExpression): ts.ClassElement | undefined {
  for (let at: ts.Node = parent; !syntax.isSourceFile(at); at = at.parent) {
    const found = syntax.isClassLike(at) && at.members.find((member) => member.name?.getText() === name.text);
    if (found) return found;
  }
  return undefined;
}
