import { CONTRIB } from '../../onnx/domains.ts';
import type { Emitter } from '../emitter.ts';
import type { Application, Rules } from '../rule.ts';
import { type Decomposition, decomposed } from './decomposed.ts';
import { groupQuery } from './group-query.ts';
import { heads, joined, repeated } from './heads.ts';
import { added, attend, behind, causal, padding, pastLength, refuseInputs, where } from './scores.ts';

/** ONNX's own. */
const standard: Decomposition = (emit, at) => {
  const [q, k, v, mask, pastKey, pastValue] = Array.from({ length: 6 }, (_, i) => at.input(i)) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  refuseInputs(at, { 6: 'a number of keys that count' });
  const isApart = at.rankOf(q, emit) === 4;
  const count = (tensor: string, name: string) => {
    const dim = isApart ? emit.dims(tensor)?.[1] : at.int(name, 0);
    if (typeof dim !== 'number') throw at.refuse('the number of its heads is not known');
    return dim;
  };
  const [queryHeads, keyHeads] = [count(q, 'q_num_heads'), count(k, 'kv_num_heads')];
  const apart = (tensor: string, n: number) => (isApart ? tensor : heads(emit, tensor, n));
  const [Q, K, V] = [
    apart(q, queryHeads),
    behind(emit, pastKey, apart(k, keyHeads)),
    behind(emit, pastValue, apart(v, keyHeads)),
  ] as const;
  const masks = [];
  if (at.int('is_causal', 0)) masks.push(causal(emit, Q, K, pastLength(emit, pastKey)));
  if (mask) masks.push(emit.dtype(mask) === 'bool' ? (scores: string) => where(emit, mask, scores) : added(emit, mask));
  const times = queryHeads / keyHeads;
  const result = attend(emit, Q, repeated(emit, K, keyHeads, times), repeated(emit, V, keyHeads, times), {
    scale: at.float('scale', 0),
    softcap: at.float('softcap', 0),
    masks,
  });
  return [isApart ? result : joined(emit, result), K, V];
};

/** What enters an operator that makes queries, keys and values itself. */
interface Projected {
  /** [batch, places, features] */
  readonly x: string;
  /** Queries, keys and values side by side. */
  readonly whole: string;
  readonly mask: string;
  /** Keys and values: [2, batch, heads, places, size]. */
  readonly past: string;
  readonly bias: string;
}

/** ONNX Runtime's own, with the projections in it. */
const contrib: Decomposition = (emit, at) => {
  refuseInputs(at, { 6: 'a past in a buffer' });
  const projected = emit.node('MatMul', [at.input(0), at.input(1)]);
  const whole = at.input(2) ? emit.plus(projected, at.input(2)) : projected;
  return ofProjected(emit, at, { x: at.input(0), whole, mask: at.input(3), past: at.input(4), bias: at.input(5) });
};

/** The same of whole numbers. */
const quantized: Decomposition = (emit, at) => {
  const floats = (tensor: number, scale: number, zero: number) =>
    emit.node(
      'DequantizeLinear',
      [tensor, scale, zero].map((i) => at.input(i)),
      { axis: { int: -1 } },
    );
  const x = floats(0, 3, 6);
  const whole = emit.plus(emit.node('MatMul', [x, floats(1, 4, 7)]), at.input(2));
  return ofProjected(emit, at, { x, whole, mask: at.input(5), past: at.input(8), bias: '' });
};

function ofProjected(emit: Emitter, at: Application, { x, whole, mask, past, bias }: Projected): readonly string[] {
  if (at.int('do_rotary', 0)) throw at.refuse('its rotary embedding has no derivative here');
  if (at.int('past_present_share_buffer', 0)) throw at.refuse('a past in a buffer has no derivative here');
  const count = at.int('num_heads', 0);
  const sizes = at.ints('qkv_hidden_sizes');
  const parts = sizes?.length ? emit.split(whole, sizes, -1) : emit.parts(whole, 3, -1);
  const [q, newKey, newValue] = parts.map((part) => heads(emit, part, count)) as [string, string, string];
  const [pastKey, pastValue] = past
    ? emit.parts(past, 2, 0).map((part) => emit.node('Squeeze', [part, emit.ints(0)]))
    : ['', ''];
  const k = behind(emit, pastKey!, newKey);
  const v = behind(emit, pastValue!, newValue);
  const masks = [];
  if (at.int('unidirectional', 0)) masks.push(causal(emit, q, k, pastLength(emit, pastKey!)));
  if (mask) masks.push(padding(emit, at, mask, { x, keys: k }));
  if (bias) masks.push(added(emit, bias));
  const result = joined(emit, attend(emit, q, k, v, { scale: at.float('scale', 0), softcap: 0, masks }));
  const present = at.outputs[1]
    ? emit.concat(
        [k, v].map((tensor) => emit.unsqueeze(tensor, 0)),
        0,
      )
    : '';
  return [result, present];
}

const multiHead: Decomposition = (emit, at) => {
  refuseInputs(at, { 8: 'a shared past', 9: 'an indirect cache' });
  const [query, key, value, bias, mask] = [0, 1, 2, 3, 4].map((i) => at.input(i)) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const count = at.int('num_heads', 0);
  const packed = key === '' ? [query] : value === '' ? [key] : [];
  if (packed.length > 0) throw at.refuse('packed queries, keys and values have no derivative here');
  const isApart = at.rankOf(key, emit) === 4;
  if (isApart && bias) throw at.refuse('a bias beside keys that have their heads apart has no derivative here');
  const sizes = () => emit.join(...[query, key, value].map((tensor) => emit.size(tensor, 2)));
  const biases = bias ? emit.several('Split', [bias, sizes()], 3, { axis: { int: 0 } }) : [];
  const apart = (tensor: string, i: number) => {
    if (i > 0 && isApart) return tensor;
    return heads(emit, biases[i] ? emit.sized(emit.plus(tensor, biases[i]), tensor) : tensor, count);
  };
  const [pastKey, pastValue] = [at.input(6), at.input(7)];
  const q = apart(query, 0);
  const k = behind(emit, pastKey, apart(key, 1));
  const v = behind(emit, pastValue, apart(value, 2));
  const masks = [];
  if (at.int('unidirectional', 0)) masks.push(causal(emit, q, k, pastLength(emit, pastKey)));
  if (mask) masks.push(padding(emit, at, mask, { x: query, keys: k }));
  if (at.input(5)) masks.push(added(emit, at.input(5)));
  return [joined(emit, attend(emit, q, k, v, { scale: at.float('scale', 0), softcap: 0, masks })), k, v];
};

/** Rules of attention. */
export const ATTENTION: Rules = { Attention: decomposed(standard) };

/** ONNX Runtime's own operators of attention. */
const OF_CONTRIB: ReadonlyMap<string, Decomposition> = new Map([
  ['Attention', contrib],
  ['QAttention', quantized],
  ['MultiHeadAttention', multiHead],
  ['GroupQueryAttention', groupQuery],
]);

export const CONTRIB_ATTENTION: Rules = Object.fromEntries(
  ['Attention', 'MultiHeadAttention', 'GroupQueryAttention'].map((opType) => [
    opType,
    decomposed(OF_CONTRIB.get(opType)!),
  ]),
);

/** Writes an operator of attention as what it is made of. */
export const attentionWrittenOut: Decomposition = (emit, at) => {
  const { domain, opType } = at.node;
  const write = domain === CONTRIB ? OF_CONTRIB.get(opType) : standard;
  if (!write) throw at.refuse(`${opType} has no derivative here`);
  return write(emit, at);
};
