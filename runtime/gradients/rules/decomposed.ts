import { Cotangents } from '../cotangents.ts';
import type { Emitter } from '../emitter.ts';
import type { Application, Rule } from '../rule.ts';

/** Writes a node as simpler nodes and gives their results in place of the node's outputs: '' for those that it leaves out. */
export type Decomposition = (emit: Emitter, at: Application) => readonly string[];

/** The rule of an operator that is written as simpler ones, which have rules. */
export function decomposed(write: Decomposition): Rule {
  return (emit, at, sweep) => {
    const before = emit.nodes.length;
    const made = write(emit, at);
    const known = new Cotangents(emit);
    at.gradients.forEach((gradient, i) => {
      if (!gradient) return;
      const own = made[i];
      if (!own) throw at.refuse(`there is no gradient through its output ${at.outputs[i]} here`);
      known.add(own, gradient);
    });
    const wanted = new Set(at.inputs.filter((_, i) => at.needs(i)));
    sweep(emit, emit.nodes.slice(before), known, { wanted });
    // An input that is read twice has one gradient.
    return at.inputs.map((input, i) => (at.inputs.indexOf(input) === i && wanted.has(input) ? known.of(input) : null));
  };
}
