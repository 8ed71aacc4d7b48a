import type { Tensor } from 'onnsight';
import type { Entry, Published } from '../reference.ts';

/** Kinds of files whose numbers are PyTorch's own; in the others weights, or values too, are rounded. */
const EXACT: ReadonlySet<string> = new Set([
  'fp32',
  'dynamo',
  'slim',
  'extended',
  'all',
  'optimizer',
  'merged',
  'genai-fp32',
]);

/** How far exact numbers may be from PyTorch's, of a tensor's standard deviation. */
const CLOSE = 5e-3;

/** How a rounded tensor has to go with PyTorch's: their correlation. */
const ALIKE = 0.8;

/** How what a write changes has to go with what it changes in PyTorch, where numbers are rounded: noise has 0. */
const LIKE_EFFECT = 0.5;

/** What a write changes at least, of the standard deviation of the model's output, if it can be told from what is rounded. */
const EFFECT = 5e-2;

/** Tells whether tensors of a file are what PyTorch has. */
export class Judge {
  readonly #published: Published;
  /** Whether its numbers are PyTorch's own. */
  readonly isExact: boolean;

  constructor(published: Published, kind: string) {
    this.#published = published;
    this.isExact = EXACT.has(kind);
  }

  /**
   * Whether a module's output is PyTorch's: equal; in a rounded file, alike, and no other module's output is more alike.
   */
  isOutput(tensor: Tensor, expected: Entry): boolean {
    if (tensor.dims.join() !== expected.dims.join()) return false;
    if (this.isExact) return this.#published.distance(tensor, expected) < CLOSE;
    const own = this.#alike(tensor, expected);
    if (own < ALIKE) return false;
    const others = Object.values(this.#published.reference.modules).flatMap((calls) =>
      calls.filter((one) => one !== null),
    );
    const values = this.#published.values(expected);
    return others.every(
      (other) =>
        other.dims.join() !== expected.dims.join() ||
        this.#alike(tensor, other) <= own ||
        // Modules that change next to nothing cannot be told apart by rounded numbers.
        correlation(this.#published.values(other), values) > own,
    );
  }

  /** Whether probabilities or parameters are PyTorch's: equal; in a rounded file, alike. */
  isSame(tensor: Tensor, expected: Entry): boolean {
    if (tensor.dims.join() !== expected.dims.join()) return false;
    return this.isExact ? this.#published.distance(tensor, expected) < CLOSE : this.#alike(tensor, expected) >= ALIKE;
  }

  /** Whether a write has the effect that it has in PyTorch: in a rounded file, what it changes is alike. */
  isEffect(changed: Tensor, before: Tensor, expected: Entry): boolean {
    if (this.isExact) return this.#published.distance(changed, expected) < CLOSE;
    const there = this.#published.values(this.#published.reference.output);
    const effect = this.#published.values(expected).map((value, i) => value - there[i]!);
    const [most, least] = [Math.max(...effect.map(Math.abs)), deviation(there) * EFFECT];
    const ours = Float32Array.from(changed.data, (value, i) => Number(value) - Number(before.data[i]));
    // A norm behind the module may undo the write, but for what is rounded.
    return most < least ? Math.max(...ours.map(Math.abs)) < 10 * least : correlation(ours, effect) >= LIKE_EFFECT;
  }

  #alike({ data }: Tensor, expected: Entry): number {
    return correlation(Float32Array.from(data, Number), this.#published.values(expected));
  }
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: Float32Array): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

function correlation(a: Float32Array, b: Float32Array): number {
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - ma, b[i]! - mb];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / (Math.sqrt(aa * bb) || 1);
}
