import type { CallContext } from './call-context.ts';
import { companions } from './companions.ts';
import type { ReturnOrder } from './module.ts';

/** The activations that leave a module, in the order in which PyTorch returns them as far as the graph tells. */
export interface Returned {
  readonly names: readonly string[];
  readonly order: ReturnOrder;
}

/**
 * A graph has no tuples: what tells their order is what the tensors are. Those that go beside another one come after it, in the
 * order of the model's outputs that are made of them. Where several are left, nothing tells: neither what becomes of them
 * (what a module returns second may lead to the model's first output), nor which is made of which, nor which is made first.
 * Cosines and sines are known by the module that makes them.
 */
export function returned(names: readonly string[], own: ReadonlySet<number>, context: CallContext): Returned {
  if (names.length === 1) return { names, order: 'sure' };
  const beside = companions(names, own, context);
  const others = sorted(
    names.filter((name) => beside.has(name)),
    own,
    context,
  );
  const main = names.filter((name) => !beside.has(name));
  const rotary = main.length === 2 ? rotaryOrder(main, context) : null;
  return { names: [...(rotary ?? main), ...others], order: main.length === 1 || rotary ? 'sure' : 'unknown' };
}

/** What goes beside a module's first output: the final states of recurrent operators last. */
function sorted(names: readonly string[], own: ReadonlySet<number>, context: CallContext): string[] {
  const { finalStates, graph, links, reach } = context;
  const rank = (name: string) => (finalStates.has(name) ? 1 : 0);
  const numbers = new Map(graph.output.map(({ name }, i) => [name, i]));
  const place = (name: string) => {
    const outside = (links.readers.get(name) ?? []).filter((reader) => !own.has(reader));
    const made = outside.flatMap((reader) => graph.node[reader]!.output);
    return Math.min(numbers.get(name) ?? Number.MAX_SAFE_INTEGER, ...made.flatMap((one) => reach.get(one) ?? []));
  };
  return [...names].sort((a, b) => rank(a) - rank(b) || place(a) - place(b));
}

/** What transformers' rotary embeddings return: cosines, then sines. */
function rotaryOrder(names: readonly string[], context: CallContext): readonly string[] | null {
  const { graph, links, scopes } = context;
  const functionOf = (name: string): string | null => {
    const maker = links.maker.get(name);
    if (maker === undefined || !/(^|\.)rotary_emb\w*$/.test(scopes[maker]!.modules.at(-1) ?? '')) return null;
    const { opType, input } = graph.node[maker]!;
    // Both may be scaled by a number, and in another dtype.
    return opType === 'Cast' || opType === 'Mul' ? functionOf(input[0]!) : opType;
  };
  const [one, other] = names.map(functionOf);
  if (one === 'Cos' && other === 'Sin') return names;
  return one === 'Sin' && other === 'Cos' ? [...names].reverse() : null;
}
