import type { Emitter } from '../emitter.ts';
import type { Application } from '../rule.ts';
import { decomposed } from './decomposed.ts';
import { heads, joined } from './heads.ts';

/** Pairs of elements: neighbours, or those that are half of the dimension apart. */
interface Rotation {
  readonly cos: string;
  readonly sin: string;
  readonly isInterleaved: boolean;
  /** How many of the elements are turned, the first ones; 0 for all. */
  readonly size: number;
}

/** Turns pairs of elements of x [batch, heads, places, size] by angles [batch or 1, 1, places, pairs]. */
export function rotated(emit: Emitter, x: string, rotation: Rotation): string {
  const whole = emit.dims(x)?.at(-1);
  if (rotation.size === 0 || rotation.size === whole) return emit.sized(turned(emit, x, rotation), x);
  const cut = (from: number, to: number) => emit.node('Slice', [x, emit.ints(from), emit.ints(to), emit.ints(3)]);
  const [first, rest] = [cut(0, rotation.size), cut(rotation.size, 2 ** 31)];
  return emit.sized(emit.concat([turned(emit, first, rotation), rest], 3), x);
}

function turned(emit: Emitter, x: string, { cos, sin, isInterleaved }: Rotation): string {
  const pairs = isInterleaved ? emit.parts(emit.flow(x, 0, 0, 0, -1, 2), 2, 4) : emit.parts(x, 2, 3);
  const [a, b] = isInterleaved ? pairs.map((half) => emit.node('Squeeze', [half, emit.ints(4)])) : pairs;
  const left = emit.minus(emit.times(a!, cos), emit.times(b!, sin));
  const right = emit.plus(emit.times(b!, cos), emit.times(a!, sin));
  if (!isInterleaved) return emit.concat([left, right], 3);
  return emit.flow(emit.concat([emit.unsqueeze(left, 4), emit.unsqueeze(right, 4)], 4), 0, 0, 0, -1);
}

/** The angles of some places, [batch, places], from a table [all places, pairs]. */
export function angles(emit: Emitter, table: string, places: string): string {
  return emit.unsqueeze(emit.node('Gather', [table, places]), 1);
}

/** The whole numbers from `start` on, as many as a list of one number says; both have one dimension. */
export function counting(emit: Emitter, start: string, count: string): string {
  const scalar = (list: string) => emit.node('Squeeze', [list, emit.ints(0)]);
  return emit.node('Range', [scalar(start), scalar(emit.plus(start, count)), emit.int(1)]);
}

/** Embeds, in heads, a tensor that has its heads apart or side by side: [batch, places, heads · size]. */
function inHeads(emit: Emitter, at: Application, rotate: (x: string) => string, size: number | null): string {
  const x = at.input(0);
  if (at.rankOf(x, emit) === 4) return rotate(x);
  const count = at.int('num_heads', 0);
  if (count === 0 && size === null) throw at.refuse('the number of its heads is not known');
  const apart = count > 0 ? heads(emit, x, count) : emit.transpose(emit.flow(x, 0, 0, -1, size!), [0, 2, 1, 3]);
  return joined(emit, rotate(apart));
}

/** The version of ONNX: the angles may be those of the places already. */
export const rotary = decomposed((emit, at) => {
  const places = at.input(3);
  const [cos, sin] = [at.input(1), at.input(2)].map((table) =>
    places ? angles(emit, table, places) : emit.unsqueeze(table, 1),
  ) as [string, string];
  const rotation = { cos, sin, isInterleaved: at.int('interleaved', 0) === 1, size: at.int('rotary_embedding_dim', 0) };
  return [inHeads(emit, at, (x) => rotated(emit, x, rotation), null)];
});

/** The version of ONNX Runtime: places are told one by one, or by the first of them. */
export const contribRotary = decomposed((emit, at) => {
  if (at.int('is_packed_batching', 0)) throw at.refuse('packed batches have no derivative here');
  if (at.float('scale', 1) !== 1) throw at.refuse('its scale has no derivative here');
  const [x, given, ...tables] = at.inputs as [string, string, string, string];
  const isFirst = at.rankOf(given, emit) === 1;
  const count = () => emit.size(x, at.rankOf(x, emit) === 4 ? 2 : 1);
  const places = isFirst ? emit.unsqueeze(counting(emit, given, count()), 0) : given;
  const [cos, sin] = tables.map((table) => angles(emit, table, places)) as [string, string];
  const size = at.int('rotary_embedding_dim', 0);
  const pairs = emit.dims(tables[0])?.[1];
  const rotation = { cos, sin, isInterleaved: at.int('interleaved', 0) === 1, size };
  const headSize = size === 0 && typeof pairs === 'number' ? 2 * pairs : null;
  return [inHeads(emit, at, (tensor) => rotated(emit, tensor, rotation), headSize)];
});
