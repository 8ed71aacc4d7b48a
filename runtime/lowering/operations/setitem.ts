import { indexShape } from '../../graph/operations/getitem.ts';
import { type Item, isWhole, readItems } from '../../graph/operations/items.ts';
import type { Emitter, Lower, Lowerings } from '../emitter.ts';
import { selectItems } from './getitem.ts';
import { castTo } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import { place } from './placement.ts';
import { requiring } from './requirements.ts';
import { selectSigned } from './select.ts';
import { maskFits } from './selectors.ts';
import {
  END,
  flatten,
  int,
  ints,
  range,
  reshape,
  shapeOf,
  shapeWith,
  sizesAlong,
  slice,
  toScalar,
  unsqueeze,
} from './sizes.ts';
import { oneInt } from './slices.ts';

/** The value to assign: in the tensor's element type, and broadcast to the shape of what it replaces. */
interface Value {
  readonly name: string;
  readonly rank: number | null;
}

/**
 * Broadcasts the value to a shape of `rank` dimensions. Leading dimensions of size 1 too many fall away. The reshape
 * makes a run fail whose value is larger than what it replaces: Expand would broadcast both.
 */
function broadcastTo(emitter: Emitter, value: Value, shape: string, rank: number | null): string {
  const expanded = emitter.node('Expand', [withRank(emitter, value, rank), shape]);
  return reshape(emitter, expanded, shape);
}

function withRank(emitter: Emitter, value: Value, rank: number | null): string {
  if (value.rank === null || rank === null || value.rank <= rank) return value.name;
  if (rank === 0) return emitter.node('Reshape', [value.name, ints(emitter, [])]);
  const sizes = emitter.node('Slice', [shapeOf(emitter, value.name), ints(emitter, [-rank]), ints(emitter, [END])]);
  return reshape(emitter, value.name, sizes);
}

type Edge = Extract<Item<Operand>, { kind: 'int' | 'slice' }>;

/** Cuts the tensor along one dimension around an integer or a range, and puts the value in between. */
function replaceBetween(emitter: Emitter, x: Operand, item: Edge, axis: number, value: Value): string {
  if (item.kind === 'int') return replaceAt(emitter, x, item.index, axis, value);
  const size = sizesAlong(emitter, x.name, [axis]);
  const start = item.start ? clamped(emitter, oneInt(emitter, item.start), size) : ints(emitter, [0]);
  const given = item.stop ? clamped(emitter, oneInt(emitter, item.stop), size) : size;
  const stop = emitter.node('Max', [start, given]);
  const shape = shapeWith(emitter, x.name, axis, emitter.node('Sub', [stop, start]));
  const middle = broadcastTo(emitter, value, shape, rankOf(x));
  return join(emitter, x.name, item.start && start, middle, item.stop && stop, axis);
}

function replaceAt(emitter: Emitter, x: Operand, index: Operand, axis: number, value: Value): string {
  const rank = rankOf(x);
  // Gathered from the list of all positions it counts from the front, and the run fails where it is none of them.
  const positions = range(emitter, toScalar(emitter, sizesAlong(emitter, x.name, [axis])));
  const start = emitter.node('Gather', [positions, oneInt(emitter, index)], { axis: { int: 0 } });
  // Gathering what is replaced gives its shape.
  const replaced = emitter.node('Gather', [x.name, castTo(emitter, index, 'int64')], { axis: { int: axis } });
  const filled = broadcastTo(emitter, value, shapeOf(emitter, replaced), rank === null ? null : rank - 1);
  const stop = emitter.node('Add', [start, ints(emitter, [1])]);
  return join(emitter, x.name, start, unsqueeze(emitter, filled, [axis]), stop, axis);
}

function join(
  emitter: Emitter,
  x: string,
  start: string | null,
  middle: string,
  stop: string | null,
  axis: number,
): string {
  const before = start === null ? [] : [slice(emitter, x, ints(emitter, [0]), start, axis)];
  const after = stop === null ? [] : [slice(emitter, x, stop, ints(emitter, [END]), axis)];
  return emitter.node('Concat', [...before, middle, ...after], { axis: { int: axis } });
}

function fromFront(emitter: Emitter, index: string, size: string): string {
  const negative = emitter.node('Less', [index, int(emitter, 0)]);
  return emitter.node('Where', [negative, emitter.node('Add', [index, size]), index]);
}

function clamped(emitter: Emitter, bound: string, size: string): string {
  return emitter.node('Min', [emitter.node('Max', [fromFront(emitter, bound, size), int(emitter, 0)]), size]);
}

/** Selects the positions that the elements have in the flattened tensor, as the index selects elements, and puts the value there. */
function scatterPositions(
  emitter: Emitter,
  x: Operand,
  items: readonly Item<Operand>[],
  value: Value,
  selected: number | null,
): string {
  const shape = shapeOf(emitter, x.name);
  const all = reshape(emitter, range(emitter, emitter.node('Size', [x.name])), shape);
  const positions = selectItems(emitter, { name: all, rank: rankOf(x) }, items);
  const updates = broadcastTo(emitter, value, shapeOf(emitter, positions), selected);
  const flat = [x.name, positions, updates].map((name) => flatten(emitter, name));
  return reshape(emitter, emitter.node('ScatterElements', flat, { axis: { int: 0 } }), shape);
}

/** A single value where a mask is true needs no positions. Null where the sizes that follow the mask's are unknown. */
function assignMasked(
  emitter: Emitter,
  x: Operand,
  items: readonly Item<Operand>[],
  { mask }: Extract<Item<Operand>, { kind: 'mask' }>,
  value: Value,
): string | null {
  const [rank, covered] = [rankOf(x), rankOf(mask)];
  if (rank === null || !covered || value.rank !== 0) return null;
  const { axis } = place(emitter, x.name, items).placed.find(({ item }) => item.kind === 'mask')!;
  const following = (axis < 0 ? -axis : rank - axis) - covered;
  const condition = unsqueeze(
    emitter,
    mask.name,
    Array.from({ length: following }, (_, i) => covered + i),
  );
  const checked = requiring(emitter, value.name, maskFits(emitter, x.name, mask.name, covered, axis));
  return selectSigned(emitter, condition, checked, x.name, x.type.dtype);
}

const setitem: Lower<'setitem'> = (emitter, [x, ...rest], attributes) => {
  const source = rest.at(-1)!;
  const items = readItems(attributes.items, rest.slice(0, -1));
  const value: Value = { name: castTo(emitter, source, x!.type.dtype), rank: rankOf(source) };
  const active = items.filter((item) => !isWhole(item) && item.kind !== 'ellipsis');
  if (active.length === 0) return [broadcastTo(emitter, value, shapeOf(emitter, x!.name), rankOf(x!))];
  const [only] = active;
  if (active.length === 1 && (only!.kind === 'int' || (only!.kind === 'slice' && only!.step === null))) {
    const { placed } = place(emitter, x!.name, items);
    const { axis } = placed.find(({ item }) => item === only)!;
    return [replaceBetween(emitter, x!, only!, axis, value)];
  }
  if (active.length === 1 && only!.kind === 'mask') {
    const replaced = assignMasked(emitter, x!, items, only!, value);
    if (replaced !== null) return [replaced];
  }
  const types = readItems(
    attributes.items,
    rest.slice(0, -1).map((operand) => operand.type),
  );
  const selected = indexShape(x!.type.shape, types)?.length ?? null;
  return [scatterPositions(emitter, x!, items, value, selected)];
};

export const assignment: Lowerings<'setitem'> = { setitem };
