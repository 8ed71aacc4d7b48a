import type { ts } from 'ts-morph';
import { type Code, span } from './code.ts';
import type { Frame } from './frames.ts';
import { type List, lowerList } from './lists.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/** A statement as the body of an arrow function: `{ … }`. `before` comes first, `around` are the jump targets of it. */
export function lowerClosure(
  lowering: Lowering,
  node: ts.Statement,
  before: Code = '',
  around: readonly Frame[] = [],
): Code {
  return lowering.frame.around([...around, { kind: 'closure' }], () => {
    const list = lowerList(lowering, listOf(node), 'closure');
    if (!syntax.isBlock(node)) return ['{ ', before, list, ' }'];
    return [span(lowering.start(node), lowering.start(node) + 1), before, list, span(node.end - 1, node.end)];
  });
}

/** A statement as the body of a construct that stays. */
export function lowerNativeBody(lowering: Lowering, node: ts.Statement): Code {
  const list = lowerList(lowering, listOf(node), 'native');
  if (!syntax.isBlock(node)) return ['{ ', list, ' }'];
  return [span(lowering.start(node), lowering.start(node) + 1), list, span(node.end - 1, node.end)];
}

function listOf(node: ts.Statement): List {
  if (!syntax.isBlock(node)) return { statements: [node], from: node.getStart(), to: node.end, owner: node };
  return { statements: node.statements, from: node.statements.pos, to: node.end - 1, owner: node };
}
