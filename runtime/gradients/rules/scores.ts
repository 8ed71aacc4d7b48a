import type { Emitter } from '../emitter.ts';
import type { Application } from '../rule.ts';
import { product } from './products.ts';
import { counting } from './rotary.ts';

/** How attention scores are made and which of them count. */
interface Scores {
  /** 0 for one over the root of the size of a head. */
  readonly scale: number;
  /** 0 for none. */
  readonly softcap: number;
  /** Changes to the scores, [batch, heads, queries, keys], before the softmax. */
  readonly masks: readonly ((scores: string) => string)[];
}

/** Attention of queries, keys and values, each [batch, heads, places, size]. */
export function attend(emit: Emitter, q: string, k: string, v: string, { scale, softcap, masks }: Scores): string {
  const products = product(emit, scaled(emit, q, scale), k, false, true);
  const capped = softcap ? emit.scale(emit.node('Tanh', [emit.scale(products, 1 / softcap)]), softcap) : products;
  const scores = masks.reduce((masked, mask) => mask(masked), capped);
  return emit.node('MatMul', [emit.node('Softmax', [scores], { axis: { int: -1 } }), v]);
}

function scaled(emit: Emitter, q: string, scale: number): string {
  const size = emit.dims(q)?.at(-1);
  if (scale !== 0) return emit.scale(q, scale);
  if (typeof size === 'number') return emit.scale(q, 1 / Math.sqrt(size));
  return emit.over(q, emit.node('Sqrt', [emit.cast(emit.size(q, -1), emit.dtype(q))]));
}

/** Only the scores count for which the condition holds. */
export function where(emit: Emitter, condition: string, scores: string): string {
  const least = emit.dtype(scores) === 'float16' ? -65504 : -3.4028234e38;
  return emit.where(condition, scores, emit.number(scores, least));
}

/**
 * Each query sees the keys up to its own place: queries begin behind as many keys as `before` says, a list of one number.
 * @param window how many of these it sees; 0 or less for all
 */
export function causal(emit: Emitter, q: string, k: string, before: string, window = 0): (scores: string) => string {
  return (scores) => {
    const rows = emit.unsqueeze(counting(emit, before, emit.size(q, 2)), 1);
    const columns = emit.unsqueeze(counting(emit, emit.ints(0), emit.size(k, 2)), 0);
    const isSeen = emit.node('LessOrEqual', [columns, rows]);
    if (window <= 0) return where(emit, isSeen, scores);
    const isNear = emit.node('Greater', [columns, emit.shift(rows, -window)]);
    return where(emit, emit.node('And', [isSeen, isNear]), scores);
  };
}

export function added(emit: Emitter, bias: string): (scores: string) => string {
  return (scores) => emit.plus(scores, bias);
}

/**
 * The bias for a mask of whole numbers, which are 1 for the keys that count: [batch, keys] or [batch, queries, keys]; or for
 * how many keys count in each row: [batch].
 */
export function padding(
  emit: Emitter,
  at: Application,
  given: string,
  { x, keys }: { readonly x: string; readonly keys: string },
): (scores: string) => string {
  const areLengths = at.rankOf(given, emit) === 1;
  // A list of another length has where rows begin and end: a run would fail at the reshape.
  const lengths = () => emit.reshape(given, emit.join(emit.size(x, 0), emit.ints(1)));
  const mask = areLengths ? upTo(emit, lengths(), keys) : given;
  const rank = areLengths ? 2 : at.rankOf(mask, emit);
  if (rank !== 2 && rank !== 3) throw at.refuse(`a mask with ${rank} dimensions has no derivative here`);
  const off = at.float('mask_filter_value', -10000);
  return (scores) => {
    const isOff = emit.shift(emit.neg(emit.cast(mask, emit.dtype(scores))), 1);
    return emit.plus(scores, emit.unsqueeze(emit.scale(isOff, off), ...(rank === 2 ? [1, 2] : [1])));
  };
}

/** A mask [batch, keys] of the first keys of each row, as many as [batch, 1] says. */
function upTo(emit: Emitter, lengths: string, keys: string): string {
  const places = emit.unsqueeze(counting(emit, emit.ints(0), emit.size(keys, 2)), 0);
  const isIn = emit.node('Less', [places, emit.cast(lengths, 'int64')]);
  return emit.cast(isIn, 'int64');
}

export function refuseInputs(at: Application, reasons: Readonly<Record<number, string>>): void {
  for (const [index, what] of Object.entries(reasons)) {
    if (at.input(Number(index)) !== '') throw at.refuse(`${what} has no derivative here`);
  }
}

/** The cache before, and the new keys or values. */
export function behind(emit: Emitter, past: string, tensor: string): string {
  return past === '' ? tensor : emit.concat([past, tensor], 2);
}

/** As many keys as there were before. */
export function pastLength(emit: Emitter, past: string): string {
  return past === '' ? emit.ints(0) : emit.size(past, 2);
}
