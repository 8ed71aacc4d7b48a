import type { ts } from 'ts-morph';
import { type Code, span } from './code.ts';
import type { Frame } from './frames.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { ended } from './semicolons.ts';

/** `return v`; out of a closure it is a completion: `return return_(v)`. */
export function lowerReturn(lowering: Lowering, node: ts.ReturnStatement): Code {
  if (!lowering.frame.isInClosure) return ended(lowering, node, lowering.copy(node));
  const value = node.expression ? lowering.argument(node.expression) : 'undefined';
  return ['return ', { text: '__o.return_', at: lowering.start(node) }, '(', value, ');'];
}

/** `break` and `continue`; out of a closure they are completions: `return BREAK`, `return jump('break', 'label')`. */
export function lowerJump(lowering: Lowering, node: ts.BreakOrContinueStatement): Code {
  const kind = syntax.isBreakStatement(node) ? 'break' : 'continue';
  let crossesClosure = false;
  for (const frame of [...lowering.frame.frames].reverse()) {
    if (frame.kind === 'closure') crossesClosure = true;
    else if (isTarget(frame, kind, node.label?.text)) {
      if (!crossesClosure) break;
      const label = node.label && 'labels' in frame ? frame.labels[0] : undefined;
      const completion = label ? `__o.jump('${kind}', '${label}')` : `__o.${kind.toUpperCase()}`;
      return ['return ', { text: completion, at: lowering.start(node) }, ';'];
    }
  }
  return ended(lowering, node, lowering.copy(node));
}

function isTarget(frame: Frame, kind: 'break' | 'continue', label: string | undefined): boolean {
  if (label !== undefined) return 'labels' in frame && frame.labels.includes(label);
  return frame.kind === 'loop' || (kind === 'break' && frame.kind === 'switch');
}

/** `throw e` → `throw thrown(e)`; to a `catch` of the same function it is a completion: `return throw_(e)`. */
export function lowerThrow(lowering: Lowering, node: ts.ThrowStatement): Code {
  const at = lowering.start(node);
  const { expression } = node;
  const target = lowering.frame.frames.findLast((frame) => frame.kind === 'try');
  if (target?.isNative === false) {
    return [
      'return ',
      { text: '__o.throw_', at },
      '(',
      lowering.argument(expression),
      ')',
      span(expression.end, node.end),
    ];
  }
  return [
    span(at, lowering.start(expression)),
    { text: '__o.thrown', at },
    '(',
    lowering.argument(expression),
    `, ${lowering.sites.at(at)})`,
    span(expression.end, node.end),
  ];
}

/** Whether `statement` may end in a jump to somewhere outside it. */
export function mayJumpOut(statement: ts.Node): boolean {
  return escapes(statement, { keepsThrows: !isCaughtAround(statement), loops: 0, switches: 0, labels: [] });
}

/** Whether a `throw` there goes to a `catch` of the same function. */
function isCaughtAround(node: ts.Node): boolean {
  const { parent } = node;
  if (!parent || syntax.isFunctionLike(parent) || syntax.isClassStaticBlockDeclaration(parent)) return false;
  const isBody = syntax.isTryStatement(parent) && parent.catchClause !== undefined && parent.tryBlock === node;
  return isBody || isCaughtAround(parent);
}

interface Inside {
  /** Whether a `throw` does not leave the statement for a `catch` of the same function. */
  readonly keepsThrows: boolean;
  readonly loops: number;
  readonly switches: number;
  readonly labels: readonly string[];
}

function escapes(node: ts.Node, inside: Inside): boolean {
  if (syntax.isFunctionLike(node) || syntax.isClassLike(node)) return false;
  if (syntax.isReturnStatement(node)) return true;
  if (syntax.isThrowStatement(node)) return !inside.keepsThrows;
  if (syntax.isTryStatement(node) && node.catchClause) {
    const { tryBlock, catchClause, finallyBlock } = node;
    if (escapes(tryBlock, { ...inside, keepsThrows: true })) return true;
    return escapes(catchClause, inside) || (finallyBlock !== undefined && escapes(finallyBlock, inside));
  }
  if (syntax.isBreakOrContinueStatement(node)) {
    if (node.label) return !inside.labels.includes(node.label.text);
    return inside.loops === 0 && (syntax.isContinueStatement(node) || inside.switches === 0);
  }
  let within = inside;
  if (syntax.isIterationStatement(node, false)) within = { ...inside, loops: inside.loops + 1 };
  else if (syntax.isSwitchStatement(node)) within = { ...inside, switches: inside.switches + 1 };
  else if (syntax.isLabeledStatement(node)) within = { ...inside, labels: [...inside.labels, node.label.text] };
  return syntax.forEachChild(node, (child) => escapes(child, within) || undefined) === true;
}
