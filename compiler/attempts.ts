import type { ts } from 'ts-morph';
import { lowerClosure } from './closures.ts';
import { arrow, type Code, operator } from './code.ts';
import { declared } from './declarations.ts';
import type { Frame } from './frames.ts';
import type { Lowering } from './lowering.ts';

/**
 * `try { … } catch (e) { … } finally { … }` → `attempt(() => { … }, (n, e) => { if (n) { … } }, () => { … })`: the `catch`
 * stands in an `if` of JavaScript, so that coverage reports see a branch that runs or does not.
 */
export function lowerTry(lowering: Lowering, node: ts.TryStatement): Code {
  const { tryBlock, catchClause, finallyBlock } = node;
  const at = lowering.start(node);
  const around: readonly Frame[] = catchClause ? [{ kind: 'try', isNative: false }] : [];
  let end = tryBlock.end;
  const gapTo = (next: ts.Node): Code => {
    const gap = lowering.trivia(end, lowering.start(next));
    end = next.end;
    return gap;
  };
  return operator('attempt', at, [
    [arrow(), lowerClosure(lowering, tryBlock, { around })],
    catchClause ? [gapTo(catchClause), lowerCatch(lowering, catchClause)] : 'null',
    finallyBlock ? [gapTo(finallyBlock), arrow(), lowerClosure(lowering, finallyBlock)] : 'null',
    catchClause ? lowering.states.of({ start: catchClause.pos, end: catchClause.end }, node) : 'null',
    lowering.sites.at(at),
  ]);
}

/** A `try` that stays. */
export function lowerNativeTry(lowering: Lowering, node: ts.TryStatement): Code {
  if (!node.catchClause) return lowering.copy(node);
  const body = () => lowering.visit(node.tryBlock);
  return lowering.copy(node, (child) =>
    child === node.tryBlock ? lowering.frame.around([{ kind: 'try', isNative: true }], body) : lowering.visit(child),
  );
}

function lowerCatch(lowering: Lowering, { variableDeclaration, block }: ts.CatchClause): Code {
  const start = lowering.start(block);
  const is = lowering.frame.fresh('n');
  const head = { text: `{ if (${is}) `, at: start };
  if (!variableDeclaration) return [arrow(is, start), head, lowerClosure(lowering, block), ' }'];
  const caught = lowering.frame.fresh('e');
  const slots = lowering.shared.declareFor(block.parent);
  const before: Code = [' let ', declared(lowering, variableDeclaration.name, [' = ', caught]), ';', slots];
  return [arrow(`${is}, ${caught}`, start), head, lowerClosure(lowering, block, { before, isNested: true }), ' }'];
}
