import type { ts } from 'ts-morph';
import type { FunctionFrame } from './frames.ts';
import { syntax } from './parse.ts';

/** Whether `node` holds an `await` or `yield` of the function around it: then it cannot become a closure. */
export function suspends({ canSuspend }: FunctionFrame, node: ts.Node | undefined): boolean {
  return canSuspend && node !== undefined && holdsSuspension(node);
}

function holdsSuspension(node: ts.Node): boolean {
  if (syntax.isAwaitExpression(node) || syntax.isYieldExpression(node)) return true;
  if (syntax.isForOfStatement(node) && node.awaitModifier) return true;
  const { AwaitUsing, BlockScoped } = syntax.NodeFlags;
  if (syntax.isVariableDeclarationList(node) && (node.flags & BlockScoped) === AwaitUsing) return true;
  // Of an inner function, only a computed name is evaluated by the outer one.
  if (syntax.isFunctionLike(node)) return node.name !== undefined && holdsSuspension(node.name);
  return syntax.forEachChild(node, (child) => holdsSuspension(child) || undefined) === true;
}
