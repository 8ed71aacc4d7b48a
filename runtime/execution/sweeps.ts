import { ort } from '../ort/ort.ts';
import type { SessionTensor } from '../ort/port.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { ReuseScope, runsOf, sizeOf } from './reuse.ts';

/** How many different inputs may take turns in a sweep. */
const TURNS = 4;

/** Inputs with more bytes are not watched: those of a sweep are tokens or a picture, a key-value cache never comes again. */
const WATCHED_BYTES = 2 ** 20;

/** How many bytes of tensors are kept for the runs to come. */
const KEPT_BYTES = 2 ** 27;

/** After so many runs in a row on inputs that are new, the sweep is over. */
const OVER = 64;

/**
 * Finds the sweeps among the runs of a model: where inputs come again, later runs on them share what they compute. The first
 * run on some inputs keeps nothing.
 */
export class Sweeps {
  private scope = new ReuseScope(KEPT_BYTES);
  /** The inputs of the last runs, those that came last at the end. */
  private readonly seen: ReadonlyMap<string, SessionTensor>[] = [];
  private strangers = 0;

  /** The scope of a run on these inputs, if they came lately. */
  scopeFor(given: ReadonlyMap<string, InputTensor>): ReuseScope | undefined {
    const inputs = new Map(
      Array.from(given, ([name, { dtype, dims, raw }]) => [name, ort.tensor(dtype, dims, raw)] as const),
    );
    const at = this.seen.findIndex((earlier) => areSame(earlier, inputs));
    if (at >= 0) {
      this.seen.push(...this.seen.splice(at, 1));
      this.strangers = 0;
      return this.scope;
    }
    if (++this.strangers === OVER) this.end();
    // What the user gave may change later.
    if (sizeOf([...inputs.values()]) <= WATCHED_BYTES) {
      this.seen.push(new Map(Array.from(inputs, ([name, input]) => [name, ort.copy(input)] as const)));
    }
    if (this.seen.length > TURNS) this.seen.shift();
    return undefined;
  }

  /** Forgets all that was computed. */
  end(): void {
    this.scope = new ReuseScope(KEPT_BYTES);
  }

  /** The bytes of tensors that are kept. */
  get bytes(): number {
    return runsOf(this.scope).bytes;
  }
}

function areSame(one: ReadonlyMap<string, SessionTensor>, other: ReadonlyMap<string, SessionTensor>): boolean {
  if (one.size !== other.size) return false;
  return Array.from(one).every(([name, tensor]) => other.has(name) && ort.isSame(tensor, other.get(name)!));
}
