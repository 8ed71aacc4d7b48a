import type { ts } from 'ts-morph';
import { type Code, span } from './code.ts';
import type { Frame } from './frames.ts';
import { type List, lowerList } from './lists.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

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
  return [span(lowering.start(node), lowering.start(node) + 1), slots, list, span(node.end - 1, node.end)];
}

function listOf(node: ts.Statement): List {
  if (!syntax.isBlock(node)) return { statements: [node], from: node.getStart(), to: node.end, owner: node };
  return { statements: node.statements, from: node.statements.pos, to: node.end - 1, owner: node };
}
