import type { ts } from 'ts-morph';
import { capturesInHeader } from './captures.ts';
import type { FunctionFrame } from './frames.ts';
import { mayJumpOut } from './jumps.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { suspends } from './suspension.ts';

/**
 * Where a statement list is: in the function's own body, in a closure that lowering made, or in a native construct
 * (try, switch, …), whose statements cannot return a completion.
 */
export type ListHome = 'function' | 'closure' | 'native';

/** How a statement is lowered. */
export type Treatment =
  /** An operator call, after which the list goes on. */
  | { readonly kind: 'call' }
  /** An operator call that may end in a jump: the rest of the list becomes its continuation. */
  | { readonly kind: 'continued' }
  /** It stays, and its condition must be plain: `reason` says why. */
  | { readonly kind: 'native'; readonly reason: string }
  /** Any other statement. */
  | { readonly kind: 'other' };

export interface Labelled {
  readonly statement: ts.Statement;
  readonly labels: readonly string[];
}

/** A statement without its labels. */
export function unlabelled(node: ts.Statement): Labelled {
  const labels: string[] = [];
  let statement = node;
  while (syntax.isLabeledStatement(statement)) {
    labels.push(statement.label.text);
    statement = statement.statement;
  }
  return { statement, labels };
}

/** Decides on a statement of a list in `home`; `rest` is what follows it there. */
export function treatmentOf(
  lowering: Lowering,
  node: ts.Statement,
  home: ListHome,
  rest: readonly ts.Statement[],
): Treatment {
  const { statement } = unlabelled(node);
  const name = constructName(statement);
  if (!name) return { kind: 'other' };
  const { frame } = lowering;
  if (syntax.isTryStatement(statement)) {
    if (suspends(frame, statement) || !(mayJumpOut(statement) || mayJumpOut(statement.tryBlock)))
      return { kind: 'other' };
  } else if (!syntax.isBlock(statement)) {
    const obstacle = obstacleIn(lowering, frame, statement);
    if (obstacle) return { kind: 'native', reason: `${name} around ${obstacle}` };
  } else if (!mayJumpOut(statement) || suspends(frame, statement)) return { kind: 'other' };
  // A block that only its own label is left by gives no completion.
  if (!mayJumpOut(node)) return { kind: 'call' };
  if (home === 'native') return { kind: 'native', reason: `${name} with a jump inside a native construct` };
  if (rest.some((one) => suspends(frame, one))) return { kind: 'native', reason: `${name} with a jump before await` };
  return { kind: 'continued' };
}

function constructName(node: ts.Statement): string | null {
  if (syntax.isIfStatement(node)) return 'if';
  if (syntax.isForOfStatement(node)) return 'for…of';
  if (syntax.isForInStatement(node)) return 'for…in';
  if (syntax.isForStatement(node)) return 'for';
  if (syntax.isWhileStatement(node)) return 'while';
  if (syntax.isDoStatement(node)) return 'do…while';
  if (syntax.isSwitchStatement(node)) return 'switch';
  if (syntax.isTryStatement(node)) return 'try';
  return syntax.isBlock(node) ? 'block' : null;
}

/** Why parts of a statement cannot become closures. */
function obstacleIn(lowering: Lowering, frame: FunctionFrame, node: ts.Statement): string | null {
  if (syntax.isIfStatement(node)) {
    return suspends(frame, node.thenStatement) || suspends(frame, node.elseStatement) ? 'await' : null;
  }
  if (syntax.isForOfStatement(node) || syntax.isForInStatement(node)) {
    if (syntax.isForOfStatement(node) && node.awaitModifier) return 'await';
    const { initializer } = node;
    if (/^using\s/.test(initializer.getText())) return 'using';
    return suspends(frame, initializer) || suspends(frame, node.statement) ? 'await' : null;
  }
  if (syntax.isSwitchStatement(node)) return suspends(frame, node.caseBlock) ? 'await' : null;
  if (suspends(frame, node)) return 'await';
  return syntax.isForStatement(node) && capturesInHeader(lowering, node) ? 'a function in its head' : null;
}
