import type { ts } from 'ts-morph';
import { type Code, span } from './code.ts';
import type { Frame } from './frames.ts';
import { type List, lowerList } from './lists.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { suspends } from './suspension.ts';

export interface ClosureOptions {
  /** What comes first in the body. */
  readonly before?: Code;
  /** Whether the statement redeclares a name of `before`: then it needs a block of its own. */
  readonly isNested?: boolean;
  /** The jump targets around it. */
  readonly around?: readonly Frame[];
}

/** A statement as the body of an arrow function: `{ … }`. */
export function lowerClosure(lowering: Lowering, node: ts.Statement, options: ClosureOptions = {}): Code {
  const { before = '', isNested = false, around = [] } = options;
  return lowering.frame.around([...around, { kind: 'closure' }], () => {
    const list = lowerList(lowering, listOf(node), 'closure');
    const [open, close] = isNested ? ['{', '}'] : ['', ''];
    if (!syntax.isBlock(node)) return ['{', before, open, ' ', list, ' ', close, '}'];
    const start = lowering.start(node);
    return [span(start, start + 1), before, open, list, close, span(node.end - 1, node.end)];
  });
}

/** A statement as the body of a construct that stays. */
export function lowerNativeBody(lowering: Lowering, node: ts.Statement): Code {
  const list = lowerList(lowering, listOf(node), 'native');
  const slots = syntax.isFunctionLike(node.parent) ? '' : lowering.shared.declareFor(node.parent);
  if (!syntax.isBlock(node)) return ['{', slots, ' ', list, ' }'];
  const mark = isCleanUp(lowering, node) ? ' __o.cleaningUp();' : '';
  return [span(lowering.start(node), lowering.start(node) + 1), mark, slots, list, span(node.end - 1, node.end)];
}

/** Whether it is the `finally` of a try that a generator may be left in. */
function isCleanUp(lowering: Lowering, node: ts.Node): boolean {
  const { parent } = node;
  if (!syntax.isTryStatement(parent) || parent.finallyBlock !== node) return false;
  return suspends(lowering.frame, parent.tryBlock) || suspends(lowering.frame, parent.catchClause);
}

function listOf(node: ts.Statement): List {
  if (!syntax.isBlock(node)) return { statements: [node], from: node.getStart(), to: node.end, owner: node };
  return { statements: node.statements, from: node.statements.pos, to: node.end - 1, owner: node };
}
