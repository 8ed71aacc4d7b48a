import type { Emitter } from '../emitter.ts';
import type { Application, Rules } from '../rule.ts';
import { positive } from '../sizes/axes.ts';
import { unary } from './elementwise.ts';
import { addAt, positions } from './positions.ts';

/** The positions, resized alike, say where each element came from. int32 is what Resize has a kernel for. */
function nearest(emit: Emitter, at: Application): string {
  const [x, ...others] = at.inputs as [string, ...string[]];
  const places = emit.like(at.node, [emit.cast(positions(emit, x), 'int32'), ...others])[0]!;
  return addAt(emit, x, emit.cast(places, 'int64'), at.gradient);
}

/** Linear and cubic interpolation multiply by one matrix along each axis: the resized identity matrix. */
function interpolated(emit: Emitter, at: Application): string {
  const x = at.input(0);
  const rank = at.rankOf(x, emit);
  if (at.int('antialias', 0)) throw at.refuse('its antialias has no derivative here');
  if (at.string('coordinate_transformation_mode', 'half_pixel') === 'tf_crop_and_resize') {
    throw at.refuse('its crop has no derivative here');
  }
  if (at.string('keep_aspect_ratio_policy', 'stretch') !== 'stretch') {
    throw at.refuse('its keep_aspect_ratio_policy has no derivative here');
  }
  const axes = positive(at.ints('axes') ?? [...Array(rank).keys()], rank);
  return axes.reduce((gradient, axis, i) => {
    const matrix = matrixOf(emit, at, axis, i);
    if (!matrix) return gradient;
    const last = [...Array(rank).keys()].filter((one) => one !== axis);
    const perm = [...last, axis];
    const turned = emit.node('MatMul', [emit.transpose(gradient, perm), emit.transpose(matrix, [1, 0])]);
    return emit.transpose(
      turned,
      perm.map((_, k) => perm.indexOf(k)),
    );
  }, at.gradient);
}

/** The matrix [given, made] of an axis; null where its size stays. `i` is its place among the scales or sizes. */
function matrixOf(emit: Emitter, at: Application, axis: number, i: number): string | null {
  const [x, , scales, sizes] = at.inputs as [string, string?, string?, string?];
  const given = emit.size(x, axis);
  const identity = emit.node('EyeLike', [emit.zeros(emit.join(given, given), 'float32')]);
  const pick = (list: string) => emit.node('Gather', [list, emit.ints(i)]);
  if (scales) {
    if (emit.facts.numbers(scales)?.[i] === 1) return null;
    return resized(emit, at, identity, [emit.join(emit.constant('float32', [1]), pick(scales)), '']);
  }
  if (emit.facts.value(sizes!)?.[i] === emit.dims(x)?.[axis]) return null;
  return resized(emit, at, identity, ['', emit.join(given, pick(sizes!))]);
}

function resized(emit: Emitter, at: Application, identity: string, [scales, sizes]: readonly [string, string]): string {
  const inputs = sizes === '' ? [identity, '', scales] : [identity, '', '', sizes];
  return emit.cast(emit.like(at.node, inputs, 1, ['axes', 'keep_aspect_ratio_policy'])[0]!, emit.dtype(at.gradient));
}

/** The rule of Resize. */
export const RESIZE: Rules = {
  Resize: unary((emit, _, __, ___, at) =>
    at.string('mode', 'nearest') === 'nearest' ? nearest(emit, at) : interpolated(emit, at),
  ),
};
