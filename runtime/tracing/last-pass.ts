import type { Node, Region, Site, Value } from '../graph/types.ts';
import { blank } from './blanks.ts';
import type { Builder } from './builder.ts';
import { TracedPass } from './gradients.ts';

/** The backward pass whose gradients are read where code stands. */
export interface LastPass {
  /** Null where no value stands for it: a loop has opened it. */
  readonly pass: TracedPass | null;
  /** Whether there is one, whichever branches ran. */
  readonly isSure: boolean;
  /** Where one was opened. */
  readonly site: Site | null;
}

/** Whether a pass is one that the code which runs now goes on with: none of an earlier iteration, and as it was opened. */
export function goesOn(target: Builder, last: LastPass | null): last is LastPass & { readonly pass: TracedPass } {
  return last?.pass != null && !last.pass.isSet && !target.isLoopingSince(last.pass.region);
}

/**
 * The last pass behind a conditional: that of the body that ran, or what it was before, where that has opened none.
 * @param sides what it is at the end of each body
 */
export function eitherPass(
  target: Builder,
  node: Node,
  before: LastPass | null,
  sides: readonly [LastPass | null, LastPass | null],
): LastPass | null {
  const opened = sides.find((side) => side !== before);
  if (!opened) return before;
  const { site } = opened;
  // What a body has opened, outside of its loops, is none of an earlier iteration.
  const goOn = sides.map((side) => (side === before ? goesOn(target, side) : side?.pass?.isSet === false));
  const losses = sides.map((side, i) => (goOn[i] ? side!.pass : null));
  if (losses.every((pass) => pass === null)) return { pass: null, isSure: false, site };
  const { region } = target;
  let made: Value | null = null;
  const value = () => {
    made ??= either(target, node, losses, region);
    return made;
  };
  const isSure = sides.every((side, i) => goOn[i] && side!.isSure);
  return { pass: new TracedPass(target, { value }, null), isSure, site };
}

/**
 * The loss of the body that ran as a result of a conditional: one element. Where there is none it is never used.
 * @param around where the conditional stands
 */
function either(target: Builder, node: Node, losses: readonly (TracedPass | null)[], around: Region): Value {
  const elements = losses.map((pass, i) => pass?.element(node.regions[i]!));
  const { dtype } = elements.find((element) => element !== undefined)!.type;
  const [then, otherwise] = elements.map((element, i) => {
    if (!element) return blank(target, { dtype, shape: [] });
    if (element.type.dtype === dtype) return element;
    return target.within(node.regions[i]!, () => target.add('cast', [element], { dtype }).outputs[0]!);
  });
  const made = target.graph.addResult(node, [then!, otherwise!], { dtype, shape: [] });
  target.scope.made(made, around);
  return made;
}

/** Whether the code that runs now has a backward pass to read, whichever branches ran. */
export function hasPass(target: Builder): boolean {
  const { last } = target.passes;
  return goesOn(target, last) && last.isSure;
}
