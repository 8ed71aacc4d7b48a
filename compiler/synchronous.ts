import type { ts } from 'ts-morph';
import { CompileError, type Refusal } from './diagnostics.ts';
import { syntax } from './parse.ts';

/**
 * Refuses constructs that a block cannot contain whatever their values are: it describes the model's graph, and has ended before the
 * model runs. Functions inside it are plain JavaScript and left alone.
 */
export function checkBlock(fn: ts.FunctionLikeDeclaration, file: string): void {
  if (fn.asteriskToken) throw new CompileError('generator', fn, file);
  const found = firstRefused(fn);
  if (found) throw new CompileError(found.refusal, found.node, file);
  const async = fn.modifiers?.find(({ kind }) => kind === syntax.SyntaxKind.AsyncKeyword);
  if (async) throw new CompileError('async', async, file);
}

/** Whether a function can be a block. */
export function canBeBlock(fn: ts.FunctionLikeDeclaration): boolean {
  const isAsync = fn.modifiers?.some(({ kind }) => kind === syntax.SyntaxKind.AsyncKeyword);
  return !isAsync && !fn.asteriskToken && firstRefused(fn) === undefined;
}

interface Found {
  readonly refusal: Refusal;
  readonly node: ts.Node;
}

/** The first in source order. */
function firstRefused(node: ts.Node): Found | undefined {
  return syntax.forEachChild(node, (child): Found | undefined => {
    if (syntax.isFunctionLike(child) || syntax.isClassStaticBlockDeclaration(child)) return undefined;
    if (syntax.isAwaitExpression(child)) return { refusal: 'await', node: child };
    if (syntax.isForOfStatement(child) && child.awaitModifier) return { refusal: 'await', node: child.awaitModifier };
    const { AwaitUsing, BlockScoped } = syntax.NodeFlags;
    if (syntax.isVariableDeclarationList(child) && (child.flags & BlockScoped) === AwaitUsing) {
      return { refusal: 'await', node: child };
    }
    if (syntax.isTryStatement(child)) return { refusal: 'try', node: child };
    return firstRefused(child);
  });
}
