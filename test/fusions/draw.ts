import { operand } from '../../runtime/functions/nodes.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';
import type { Traced } from '../../runtime/types/tensor.ts';

/** Draws what a program is made of; equal seeds draw equal programs. */
export class Draw {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A number in [0, 1), by Tommy Ettinger's mulberry32. */
  private next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  maybe(): boolean {
    return this.next() < 0.5;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)]!;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    return list.map(() => rest.splice(this.int(0, rest.length - 1), 1)[0]!);
  }

  /** Some elements of a list, at least one, in their order. */
  some<T>(list: readonly T[]): T[] {
    const chosen = list.filter(() => this.maybe());
    return chosen.length > 0 ? chosen : [this.pick(list)];
  }

  dims(rank: number): number[] {
    return Array.from({ length: rank }, () => this.int(1, 4));
  }

  /** Eighths between -2 and 2, none of them 0: sums and products are exact, so that no comparison is a matter of luck. */
  numbers(dims: readonly number[]): number[] {
    const size = dims.reduce((a, b) => a * b, 1);
    return Array.from({ length: size }, () => (this.int(1, 16) / 8) * (this.maybe() ? 1 : -1));
  }

  /** A float32 tensor of the run. */
  tensor(dims: readonly number[]): Traced {
    return operand(Tensor.from(this.numbers(dims), 'float32', dims));
  }

  /** An int64 tensor of the run, with elements below `limit`. */
  indices(dims: readonly number[], limit: number): Traced {
    const size = dims.reduce((a, b) => a * b, 1);
    return operand(
      Tensor.from(
        Array.from({ length: size }, () => this.int(0, limit - 1)),
        'int64',
        dims,
      ),
    );
  }
}
