import type { CallContext } from './call-context.ts';
import type { ReturnOrder } from './module.ts';

/** The activations that leave a module, in the order in which PyTorch returns them as far as the graph tells. */
export interface Returned {
  readonly names: readonly string[];
  readonly order: ReturnOrder;
}

/**
 * A graph has no tuples: what tells their order is what becomes of the tensors. Those that the module itself goes on with
 * (a cache, a residual stream) come after those it does not; of several of these, that from which the first of the model's
 * outputs is made comes first, and the final states of a recurrent operator come last. If this does not tell them apart,
 * tensors that are made alike, of the same weights (the cosines and sines of a rotary embedding), are returned in the order in
 * which they are made. Those of weights of their own may be of a list that is turned around, or whose first the model does not
 * use; and where the last is made of another one alone, and as that is, nothing tells either.
 */
export function returned(names: readonly string[], own: ReadonlySet<number>, context: CallContext): Returned {
  const { graph, links, reach, finalStates: states } = context;
  const isSize = (reader: number) => graph.node[reader]!.output.every((name) => links.structural.has(name));
  const readers = (name: string, inside: boolean) =>
    (links.readers.get(name) ?? []).filter((reader) => own.has(reader) === inside && !isSize(reader));
  const isEnd = (name: string) => readers(name, true).length === 0;
  /** The number of the model's first output that is made of a tensor. What is one itself, as a cache, counts as an end alone. */
  const place = (name: string) => {
    if (isEnd(name)) return reach.get(name) ?? Number.POSITIVE_INFINITY;
    const made = readers(name, false).flatMap((reader) => graph.node[reader]!.output);
    return Math.min(...made.map((one) => reach.get(one) ?? Number.POSITIVE_INFINITY));
  };
  const last = names.at(-1)!;
  const ends = names.filter((name) => isEnd(name) && !states.has(name));
  if (names.length === 1 || ends.length === 0) return { names: [last, ...names.slice(0, -1)], order: 'sure' };
  const places = new Map(names.map((name) => [name, place(name)]));
  const lowest = Math.min(...ends.map((name) => places.get(name)!));
  const rank = (name: string) => (states.has(name) ? 1 : 0);
  const ordered = [...names].sort((a, b) => rank(a) - rank(b) || places.get(a)! - places.get(b)! || 0);
  const inOrder = (main: string) => [main, ...ordered.filter((name) => name !== main)];
  const equal = ends.filter((name) => places.get(name) === lowest);
  const earlier = names.find((name) => rank(name) === 0 && places.get(name)! < lowest);
  if (earlier !== undefined) return { names: inOrder(earlier), order: 'model' };
  if (equal.length === 1) {
    // A list of what each layer makes, the first one first, looks as the last one with the others behind it does.
    const end = equal[0]!;
    const isRival = (name: string) =>
      name !== end && rank(name) === 0 && places.get(name) === lowest && areAlike([end, name], context);
    const hasRival = names.some((name) => isRival(name) && isMadeOf(end, name, own, context));
    return { names: inOrder(end), order: hasRival ? 'unknown' : ends.length > 1 ? 'model' : 'sure' };
  }
  const areOne = areAlike(equal, context) && !haveOwnWeights(equal, own, context);
  const made = areOne ? madeFirst(equal, context) : null;
  return { names: inOrder(made ?? equal[0]!), order: made === null ? 'unknown' : 'made' };
}

/** Of tensors that which was made first; null if an optimizer moved their nodes and no names tell. */
function madeFirst(names: readonly string[], { links, madeOrder }: CallContext): string | null {
  const makers = names.map((name) => links.maker.get(name)!);
  const first = madeOrder.first(
    makers,
    names.map((name) => links.readers.get(name) ?? []),
  );
  return first === null ? null : names[first]!;
}

/** Whether tensors are made by the same operator, or of the same tensors. */
function areAlike([one, ...others]: readonly string[], { graph, links }: CallContext): boolean {
  const maker = (name: string) => graph.node[links.maker.get(name)!]!;
  const { opType, input } = maker(one!);
  return others.every((name) => maker(name).opType === opType || maker(name).input.join() === input.join());
}

/** Whether one of some tensors is made by weights that are not those of the first. */
function haveOwnWeights([one, ...others]: readonly string[], own: ReadonlySet<number>, context: CallContext): boolean {
  const { graph, links } = context;
  const weights = new Set(graph.initializer.filter(({ dims }) => dims.length > 0).map(({ name }) => name));
  const weightsOf = (tensor: string) => {
    const found = new Set([tensor]);
    for (const name of found) {
      const maker = links.maker.get(name);
      if (maker !== undefined && own.has(maker)) for (const read of links.reads[maker]!) found.add(read);
    }
    return [...found].filter((name) => weights.has(name));
  };
  const first = new Set(weightsOf(one!));
  return others.some((other) => {
    const read = weightsOf(other);
    return read.length !== first.size || read.some((name) => !first.has(name));
  });
}

/** Whether all data that a module takes comes to `tensor` by way of `source`. */
function isMadeOf(tensor: string, source: string, own: ReadonlySet<number>, { links }: CallContext): boolean {
  const found = new Set([source, tensor]);
  // Iterating over a set includes elements that are added meanwhile.
  for (const name of found) {
    if (name === source || links.constant.has(name) || links.structural.has(name)) continue;
    const maker = links.maker.get(name);
    if (maker === undefined || !own.has(maker)) return false;
    for (const read of links.reads[maker]!) found.add(read);
  }
  return true;
}
