import type { Case, Values } from '../harness.ts';
import { distinct, ints, normal, positive } from '../values.ts';
import { oneNode } from './case.ts';

const NAMES = 'Sum Mean Max Min Prod L1 L2 SumSquare LogSumExp LogSum';

function reductions(op: string, draw: (...dims: number[]) => Values): readonly Case[] {
  const axes = (...data: number[]) => ({ constants: { axes: ints(data) } });
  const one = (kind: string, ...rest: Parameters<typeof oneNode> extends [string, ...infer R] ? R : never) => ({
    ...oneNode(op, ...rest),
    name: `${op} ${kind}`,
  });
  const attribute = op === 'ReduceSum' ? {} : { axes: { ints: [1, -1] } };
  const input = op === 'ReduceSum' ? axes(1, -1) : {};
  return [
    one('over two axes', { x: draw(2, 3, 4) }, {}, axes(0, -1)),
    one('over two axes, dropped', { x: draw(2, 3, 4) }, { keepdims: { int: 0 } }, axes(-1, 0)),
    one('over the middle, dropped', { x: draw(2, 3, 4) }, { keepdims: { int: 0 } }, axes(1)),
    one('over all', { x: draw(2, 3) }),
    one('over all, dropped', { x: draw(2, 3) }, { keepdims: { int: 0 } }),
    one('over no axes, all', { x: draw(2, 3) }, { keepdims: { int: 0 } }, axes()),
    one('over no axes, none', { x: draw(2, 3) }, { keepdims: { int: 0 }, noop_with_empty_axes: { int: 1 } }, axes()),
    one(
      'over no axes, none, 17',
      { x: draw(2, 3, 2) },
      { keepdims: { int: 0 }, ...attribute },
      { opset: 17, ...input },
    ),
    one('of a scalar', { x: draw() }, { keepdims: { int: 0 } }),
  ];
}

/** Gradients by reductions. */
export const REDUCTIONS: readonly Case[] = NAMES.split(' ').flatMap((name) => {
  const draw = name === 'LogSum' || name === 'Prod' ? positive : name === 'Max' || name === 'Min' ? distinct : normal;
  return reductions(`Reduce${name}`, draw);
});
