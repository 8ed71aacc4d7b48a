import type { GraphProto } from 'onnx-buf';
import { isFloat } from './dtypes.ts';
import type { Links } from './links.ts';
import type { ModuleCall } from './module.ts';
import type { Scope } from './names.ts';

/** What cutting a module's nodes into calls needs to know of the graph. */
export interface CallContext {
  readonly graph: GraphProto;
  readonly links: Links;
  readonly scopes: readonly Scope[];
  readonly types: ReadonlyMap<string, number>;
}

/**
 * The calls of the module at `path`, whose nodes (its children's too) are `nodes`, ascending.
 * A new call begins where the module is entered again and does again what it did first. Entered again: other modules'
 * nodes ran in between, or the names say so, or (a module without children) the same parameter is read once more.
 */
export function moduleCalls(path: string, nodes: readonly number[], context: CallContext): ModuleCall[] {
  const { graph, links, types, scopes } = context;
  const isConstant = (index: number) => graph.node[index]!.output.every((name) => links.constant.has(name));
  const makesFloat = (index: number) =>
    !isConstant(index) && graph.node[index]!.output.some((name) => isFloat(types.get(name)));
  const key = (index: number) => {
    const { opType, input } = graph.node[index]!;
    const weights = input.filter((name) => links.initializers.has(name));
    return [scopes[index]!.modules.at(-1), opType, ...weights].join(' ');
  };
  const leaf = nodes.every((index) => scopes[index]!.modules.at(-1) === path);
  const calls: number[][] = [];
  let first: string | null = null;
  for (const entry of entries(path, nodes, context, isConstant)) {
    for (const part of leaf ? splitByParameter(entry, key, links, graph) : [entry]) {
      const lead = part.find(makesFloat);
      const again = lead !== undefined && first !== null && key(lead) === first;
      if (calls.length === 0 || again) calls.push([...part]);
      else calls.at(-1)!.push(...part);
      if (first === null && lead !== undefined) first = key(lead);
    }
  }
  return calls.map((call) => describeCall(call, context));
}

/** Parts of `nodes` between which other modules' nodes run, or the number of the call in their names goes up. */
function entries(
  path: string,
  nodes: readonly number[],
  { scopes, links, graph }: CallContext,
  isConstant: (index: number) => boolean,
): number[][] {
  const own = new Set(nodes);
  const parts: number[][] = [];
  let last = -1;
  let number = 0;
  for (const index of nodes) {
    const left = last >= 0 && range(last + 1, index).some((other) => !own.has(other) && !isConstant(other));
    const scope = scopes[index]!;
    const named = scope.modules.at(-1) === path && scope.call !== null && scope.call !== number && !isConstant(index);
    if (named) number = scope.call;
    if (parts.length === 0 || left) parts.push([index]);
    else if (named) startHere(parts, index, graph, links);
    else parts.at(-1)!.push(index);
    last = index;
  }
  return parts;
}

/** The name of this node says that a new call has begun; children's nodes that it depends on had begun it before. */
function startHere(parts: number[][], index: number, graph: GraphProto, links: Links): void {
  const before = parts.at(-1)!;
  const fresh = [index];
  for (let i = before.length - 1; i > 0; i--) {
    const readers = graph.node[before[i]!]!.output.flatMap((name) => links.readers.get(name) ?? []);
    if (readers.length === 0 || !readers.every((reader) => fresh.includes(reader))) break;
    fresh.unshift(before[i]!);
  }
  before.splice(before.length - (fresh.length - 1));
  parts.push(fresh);
}

/** A module without children that reads the same parameter in the same way twice was called twice, back to back. */
function splitByParameter(
  nodes: readonly number[],
  key: (index: number) => string,
  links: Links,
  graph: GraphProto,
): number[][] {
  const reads = (index: number) => graph.node[index]!.input.some((name) => links.initializers.has(name));
  const first = nodes.find(reads);
  if (first === undefined) return [[...nodes]];
  const offset = nodes.indexOf(first);
  const starts = nodes.flatMap((index, i) => (reads(index) && key(index) === key(first) ? [i - offset] : []));
  return starts.map((start, i) => nodes.slice(start, starts[i + 1] ?? nodes.length));
}

/** What enters and what leaves the nodes of one call. */
function describeCall(nodes: readonly number[], { graph, links, types }: CallContext): ModuleCall {
  const own = new Set(nodes);
  const isRead = (name: string, inside: boolean) =>
    (links.readers.get(name) ?? []).some((reader) => own.has(reader) === inside);
  const leaves = (name: string) => name !== '' && (links.outputs.has(name) || isRead(name, false));
  const made = nodes.flatMap((index) => graph.node[index]!.output.filter(leaves));
  const entered = nodes.flatMap((index) => links.reads[index]!.filter((name) => !own.has(links.maker.get(name) ?? -1)));
  const changes = (name: string) => !links.constant.has(name);
  // Activations first, then other data (the indices of a top-k), then sizes and positions.
  const rank = (name: string) => (isFloat(types.get(name)) ? 0 : links.structural.has(name) ? 2 : 1);
  const byRank = (names: readonly string[]) => [...names].sort((a, b) => rank(a) - rank(b));

  const changing = made.some(changes) ? made.filter(changes) : made;
  const floats = changing.filter((name) => rank(name) === 0);
  const main = mainOutput(floats, links, graph, (name) => isRead(name, false) && !isRead(name, true));
  const others = byRank(changing.filter((name) => name !== main && rank(name) < 2));
  const outputs = main === undefined ? others : [main, ...others];
  return {
    outputs: outputs.length === 0 ? changing.slice(-1) : outputs,
    inputs: byRank([...new Set(entered)].filter(changes)),
    nodes,
  };
}

/**
 * The last of the activations that leave a module; where the module returns several of a kind (the cosines and sines
 * of a rotary embedding), the first of those: they are made
 * by the same operator, or of the same tensors. `isEnd` tells what the module itself makes no use of: a cache or a
 * residual stream that leaves a module is used in it as well.
 */
function mainOutput(
  floats: readonly string[],
  links: Links,
  graph: GraphProto,
  isEnd: (name: string) => boolean,
): string | undefined {
  const data = floats.filter((name) => !links.structural.has(name));
  const candidates = data.length > 0 ? data : floats;
  const ends = candidates.filter(isEnd);
  const last = candidates.at(-1);
  if (last === undefined || ends.at(-1) !== last) return last;
  const maker = (name: string) => graph.node[links.maker.get(name)!]!;
  const isKin = (name: string) =>
    maker(name).opType === maker(last).opType || maker(name).input.join() === maker(last).input.join();
  const other = ends.findLastIndex((name) => !isKin(name));
  return ends[other + 1];
}

function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
}
