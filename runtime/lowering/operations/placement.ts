import { OperationError } from '../../graph/operation.ts';
import type { Item } from '../../graph/operations/items.ts';
import type { Emitter } from '../emitter.ts';
import { type Operand, rankOf } from './operand.ts';
import { flatten, unsqueeze } from './sizes.ts';

/** An item of an index with the dimension it acts on: from the front, or from the end (negative) after an ellipsis. */
export interface Placed {
  readonly item: Item<Operand>;
  readonly axis: number;
}

/** How many dimensions an item covers once new axes are there. */
export function span(item: Item<Operand>): number {
  if (item.kind !== 'mask') return item.kind === 'ellipsis' ? 0 : 1;
  const rank = rankOf(item.mask);
  if (rank === null) throw new OperationError('A mask needs a known number of dimensions.');
  return Math.max(rank, 1);
}

/**
 * Gives each item its dimension, and the tensor the new axes among them. So placed, an index works on tensors of unknown
 * rank. A mask without dimensions becomes one of one element on a new axis.
 */
export function place(
  emitter: Emitter,
  x: string,
  items: readonly Item<Operand>[],
): { readonly x: string; readonly placed: readonly Placed[]; readonly added: number } {
  const ellipsis = items.findIndex((item) => item.kind === 'ellipsis');
  const front = ellipsis < 0 ? items : items.slice(0, ellipsis);
  const back = ellipsis < 0 ? [] : items.slice(ellipsis + 1);
  const placed: Placed[] = [];
  const axes: number[] = [];
  const put = (item: Item<Operand>, axis: number): void => {
    const scalarMask = item.kind === 'mask' && rankOf(item.mask) === 0;
    if (item.kind === 'newaxis' || scalarMask) axes.push(axis);
    if (!scalarMask) placed.push({ item, axis });
    else placed.push({ item: { kind: 'mask', mask: oneElement(emitter, item.mask) }, axis });
  };
  let axis = 0;
  for (const item of front) {
    put(item, axis);
    axis += span(item);
  }
  axis = -back.reduce((sum, item) => sum + span(item), 0);
  for (const item of back) {
    put(item, axis);
    axis += span(item);
  }
  return { x: unsqueeze(emitter, x, axes), placed, added: axes.length };
}

function oneElement(emitter: Emitter, mask: Operand): Operand {
  return { name: flatten(emitter, mask.name), type: { dtype: 'bool', shape: [1] } };
}
