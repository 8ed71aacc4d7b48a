import type { Emitter } from '../emitter.ts';
import type { Application, Rule, Rules } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';
import { unary } from './elementwise.ts';
import { pad } from './pad.ts';
import { addAt, positions } from './positions.ts';

const reshape = unary((emit, x, _, g) => emit.reshapeLike(g, x));

const transpose = unary((emit, _, __, g, at) => {
  const perm = at.ints('perm');
  // Without one, the order is reversed, which undoes itself.
  return perm
    ? emit.transpose(
        g,
        perm.map((_, i) => perm.indexOf(i)),
      )
    : emit.node('Transpose', [g]);
});

/** Every dimension as its repeats and its size, summed over the repeats. */
const tile = unary((emit, x, _, g, at) => {
  const pairs = [at.input(1), emit.shape(x)].map((list) => emit.unsqueeze(list, 1));
  const split = emit.reshape(g, emit.flow(emit.node('Concat', pairs, { axis: { int: 1 } }), -1));
  const rank = emit.rank(x);
  if (rank !== null)
    return emit.sum(
      split,
      Array.from({ length: rank }, (_, i) => 2 * i),
      false,
    );
  const end = emit.node('Size', [emit.shape(split)]);
  const repeats = emit.node('Range', [emit.int(0), end, emit.int(2)]);
  return emit.node('ReduceSum', [split, repeats], { keepdims: { int: 0 } });
});

const concat: Rule = (emit, at) => {
  const axis = at.int('axis', 0);
  const sizes = at.inputs.map((input) => emit.size(input, axis));
  const needed = at.inputs.flatMap((_, i) => (at.needs(i) ? [i] : []));
  if (needed.length > 1) {
    const parts = emit.several('Split', [at.gradient, emit.join(...sizes)], sizes.length, { axis: { int: axis } });
    return at.each((input, i) => emit.sized(parts[i]!, input));
  }
  const [only] = needed as [number];
  const start = [emit.ints(0), ...sizes.slice(0, only)].reduce((a, b) => emit.plus(a, b));
  const bounds = [start, emit.plus(start, sizes[only]!), emit.ints(axis)];
  return at.each((input) => emit.sized(emit.node('Slice', [at.gradient, ...bounds]), input));
};

const split: Rule = (emit, at) => {
  const parts = at.gradients.map((gradient, i) => gradient ?? emit.zerosLike(at.outputs[i]!));
  return [emit.sized(emit.node('Concat', parts, { axis: { int: at.int('axis', 0) } }), at.input(0))];
};

const slice: Rule = (emit, at) => {
  const [x, , , , steps] = at.inputs as [string, ...string[]];
  const isWhole = !steps || emit.facts.numbers(steps)?.every((step) => step === 1);
  if (isWhole) return [emit.sized(padded(emit, at), x)];
  const places = emit.node('Slice', [positions(emit, x), ...at.inputs.slice(1)]);
  return [addAt(emit, x, places, at.gradient)];
};

/** Zeros before and behind the part that a slice with step 1 took. */
function padded(emit: Emitter, at: Application): string {
  const [x, start] = at.inputs as [string, string];
  const count = emit.facts.dims(start)?.[0];
  const implied = () =>
    typeof count === 'number'
      ? emit.ints(...Array(count).keys())
      : emit.node('Range', [emit.int(0), emit.node('Size', [start]), emit.int(1)]);
  const axes = at.input(3) ? emit.cast(at.input(3), 'int64') : implied();
  const sizesOf = (tensor: string) => emit.node('Gather', [emit.shape(tensor), axes]);
  const size = sizesOf(x);
  const given = emit.cast(start, 'int64');
  const fromFront = emit.where(emit.compare('Less', given, 0), emit.plus(given, size), given);
  const before = emit.node('Max', [emit.int(0), emit.node('Min', [fromFront, size])]);
  const after = emit.minus(emit.minus(size, before), sizesOf(at.gradient));
  // ONNX Runtime moves a Transpose across a Pad as if there were no list of axes: all are told.
  const all = (amounts: string) =>
    emit.node('ScatterElements', [emit.zeros(emit.shape(emit.shape(x)), 'int64'), axes, amounts]);
  const zero = emit.number(x, 0);
  return emit.node('Pad', [at.gradient, emit.join(all(before), all(after)), zero]);
}

const depthToSpace = unary((emit, x, _, g, at) => {
  const block = at.int('blocksize', 1);
  if (at.string('mode', 'DCR') === 'DCR') return emit.node('SpaceToDepth', [g], { blocksize: { int: block } });
  const [height, width] = [emit.size(x, 2), emit.size(x, 3)];
  const shape = emit.join(emit.ints(0, 0), height, emit.ints(block), width, emit.ints(block));
  const blocks = emit.node('Reshape', [g, shape]);
  return emit.reshapeLike(emit.transpose(blocks, [0, 1, 3, 5, 2, 4]), x);
});

/** Rules of operators that move elements, or leave some out. */
export const SHAPES: Rules = {
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: transpose,
  Expand: unary((emit, x, y, g) => unbroadcast(emit, g, x, y)),
  Tile: tile,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: unary((emit, _, __, g, at) =>
    emit.node('DepthToSpace', [g], { blocksize: { int: at.int('blocksize', 1) } }),
  ),
};
