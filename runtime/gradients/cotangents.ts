import type { Emitter } from './emitter.ts';

/** The gradients of a loss by the tensors of a graph, while they add up. */
export class Cotangents {
  private readonly terms = new Map<string, string[]>();
  private readonly emit: Emitter;

  constructor(emit: Emitter) {
    this.emit = emit;
  }

  add(tensor: string, gradient: string): void {
    const terms = this.terms.get(tensor);
    if (terms) terms.push(gradient);
    else this.terms.set(tensor, [gradient]);
  }

  has(tensor: string): boolean {
    return this.terms.has(tensor);
  }

  /** The sum of the gradients that were added so far; null if there are none. */
  of(tensor: string): string | null {
    const terms = this.terms.get(tensor);
    if (!terms) return null;
    const sum = terms.reduce((a, b) => this.emit.plus(a, b));
    this.terms.set(tensor, [sum]);
    return this.emit.sized(sum, tensor);
  }
}
