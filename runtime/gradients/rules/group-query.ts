import type { Emitter } from '../emitter.ts';
import type { Application } from '../rule.ts';
import type { Decomposition } from './decomposed.ts';
import { heads, joined, repeated } from './heads.ts';
import { angles, counting, rotated } from './rotary.ts';
import { added, attend, behind, causal, pastLength, refuseInputs } from './scores.ts';

/** Keys and values have fewer heads than queries; with a past, all rows of the batch have all of it. */
export const groupQuery: Decomposition = (emit, at) => {
  refuseInputs(at, {
    11: 'a sink',
    12: 'a quantized cache',
    13: 'a quantized cache',
    14: 'a norm of its queries',
    15: 'a norm of its keys',
  });
  if (!at.int('causal', 1)) throw at.refuse('attention to later tokens has no derivative here');
  if (at.int('sliding_window_cache', 0)) throw at.refuse('a cache that slides has no derivative here');
  if (at.int('smooth_softmax', 0)) throw at.refuse('its smooth softmax has no derivative here');
  const [count, keyCount] = [at.int('num_heads', 0), at.int('kv_num_heads', 0)];
  const [pastKey, pastValue] = [at.input(3), at.input(4)];
  const before = pastLength(emit, pastKey);
  const [query, newKey, newValue] = separated(emit, at, count, keyCount);
  const turn = at.int('do_rotary', 0) ? turning(emit, at, before) : (tensor: string) => tensor;
  const q = turn(query);
  const k = behind(emit, pastKey, turn(newKey));
  const v = behind(emit, pastValue, newValue);
  const masks = [causal(emit, q, k, before, at.int('local_window_size', -1))];
  if (at.input(10)) masks.push(added(emit, at.input(10)));
  const times = count / keyCount;
  const result = attend(emit, q, repeated(emit, k, keyCount, times), repeated(emit, v, keyCount, times), {
    scale: at.float('scale', 0),
    softcap: at.float('softcap', 0),
    masks,
  });
  return [emit.times(joined(emit, result), allBefore(emit, at, before)), k, v];
};

/**
 * 1, if all rows of the batch have all of the past: else the index is one that an error of ONNX Runtime names. Without a past
 * rows may end in padding, which no token sees.
 */
function allBefore(emit: Emitter, at: Application, before: string): string {
  const one = emit.constant(emit.dtype(at.input(0)), [1], [1]);
  if (at.input(3) === '') return one;
  const last = emit.shift(emit.plus(before, emit.size(at.input(0), 1)), -1);
  const missing = emit.minus(emit.cast(at.input(5), 'int64'), last);
  const beside = emit.times(emit.node('Abs', [missing]), before);
  const isMissing = emit.cast(emit.cast(emit.reduce('ReduceMax', beside, null, false), 'bool'), 'int64');
  return emit.node('Gather', [one, isMissing]);
}

/** Queries, keys and values with their heads apart, which may come in one tensor. */
function separated(emit: Emitter, at: Application, count: number, keyCount: number): [string, string, string] {
  const [query, key, value] = [at.input(0), at.input(1), at.input(2)];
  if (key) return [heads(emit, query, count), heads(emit, key, keyCount), heads(emit, value, keyCount)];
  const all = heads(emit, query, count + 2 * keyCount);
  return emit.split(all, [count, keyCount, keyCount], 1) as [string, string, string];
}

/** The rotary embedding of new places, which stand behind those before. */
function turning(emit: Emitter, at: Application, before: string): (tensor: string) => string {
  const [query, cosTable, sinTable, given] = [at.input(0), at.input(7), at.input(8), at.input(9)];
  const pairs = emit.dims(cosTable)?.[1];
  if (typeof pairs !== 'number') throw at.refuse('how many elements its rotary embedding turns is not known');
  const places = given || emit.unsqueeze(counting(emit, before, emit.size(query, 1)), 0);
  const rotation = {
    cos: angles(emit, cosTable, places),
    sin: angles(emit, sinTable, places),
    isInterleaved: at.int('rotary_interleaved', 0) === 1,
    size: 2 * pairs,
  };
  return (tensor) => rotated(emit, tensor, rotation);
}
