import type { ts } from 'ts-morph';
import { isFunction } from './directives.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';

/**
 * Whether a node is the `arguments` of the function that is lowered. It gets a name: arrow functions that lowering makes
 * have no `arguments` of their own, but those that TypeScript makes of them for ES5 do.
 */
export function isOwnArguments(lowering: Lowering, node: ts.Expression): boolean {
  if (!syntax.isIdentifier(node) || node.text !== 'arguments' || isAssignmentTarget(node)) return false;
  if (syntax.isShorthandPropertyAssignment(node.parent) || lowering.scopes.resolve(node.text, node)) return false;
  // Of an arrow function they are those of a function around it, which need not be lowered; a default value is no part of the body.
  const inside = syntax.findAncestor(node, (one) => syntax.isParameter(one) || isFunction(one));
  return inside !== undefined && isFunction(inside) && !syntax.isArrowFunction(inside);
}
