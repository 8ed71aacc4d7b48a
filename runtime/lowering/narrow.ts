import { extract } from '../graph/extract.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { liveNodes, usesOf } from '../graph/live.ts';
import { operations } from '../graph/operations/index.ts';
import { type Item, isWhole, readItems } from '../graph/operations/items.ts';
import type { Attribute, Attributes, Node, Value } from '../graph/types.ts';
import type { TapAddress } from '../tracing/model.ts';
import type { Locate } from './address.ts';
import { withBodies } from './plan.ts';
import type { RowWiseEnd, RowWiseEnds } from './row-wise.ts';

/** At how many places a tensor may be read. */
const MOST = 256;

const WHOLE: Item<Value> = { kind: 'slice', start: null, stop: null, step: null };

/** What became of a dimension: it is gone, a part of it is left, or all of it. */
type Kept = 'int' | 'slice' | 'whole';

/** Indices of indices of a tensor, as far as they select rows: an item for each dimension but the last. */
interface Chain {
  readonly steps: readonly (readonly Item<Value>[])[];
  readonly kept: readonly Kept[];
}

/** A step that reads some rows of a tensor, or of each of them some columns. */
interface Selection extends Chain {
  readonly node: Node;
  readonly columns: readonly Item<Value>[];
}

/**
 * Where a trace reads some positions of the logits only, lets the end of the model, which computes each row by itself, run
 * on the rows that are read: what enters it is replaced by these rows. Gives another graph then, with the same saves.
 */
export function narrowReads(graph: InterventionGraph, ends: RowWiseEnds, locate: Locate): InterventionGraph {
  const endOf = (node: Node | null) => (node?.op === 'read' ? ends.of(locate(addressOf(node)).tensor) : null);
  const isPart = ({ op, inputs }: Node) => op === 'getitem' && endOf(inputs[0]!.node) !== null;
  if (!graph.root.nodes.some(isPart)) return graph;
  const saves = graph.saves.map(({ value }) => value);
  const copy = extract(graph, graph.root.nodes, saves, new Map([[0, 0]])).graph;
  const set = copy.root.nodes.filter(({ op }) => op === 'write').flatMap(({ inputs }) => inputs);
  const live = liveNodes({ ...copy.root, results: [...copy.saves.map(({ value }) => value), ...set] });
  for (const read of live) {
    const end = endOf(read);
    // What is set to something that depends on logits is a cycle, which whoever orders the graph reports.
    if (end && !set.some((value) => dependsOn(value, read.outputs[0]!))) narrowRead(copy, live, read, end, locate);
  }
  return copy;
}

function narrowRead(
  graph: InterventionGraph,
  live: readonly Node[],
  read: Node,
  end: RowWiseEnd,
  locate: Locate,
): void {
  const selections = selectionsOf(graph, live, read.outputs[0]!);
  if (selections === null || !isUntouched(graph, read, end, locate)) return;
  const entry = entryOf(graph, read, end, locate);
  if (entry === null) return;
  const add = (op: string, inputs: readonly Value[], attributes: Attributes): readonly Value[] => {
    const types = operations[op]!.infer(
      inputs.map(({ type }) => type),
      attributes,
    );
    return graph.add(graph.root, op, inputs, types, attributes, read.site).outputs;
  };
  const logits = read.outputs[0]!;
  const parts = selections.map(({ steps }) =>
    steps.reduce((x, step) => {
      // A dimension that an integer takes out stays, with one element: the end of the model finds the rank that it knows.
      const items = step.flatMap((item): Item<Value>[] => (item.kind === 'int' ? [item, { kind: 'newaxis' }] : [item]));
      return add('getitem', [x, ...operandsOf(items)], { items: items.map(attributeOf) })[0]!;
    }, entry),
  );
  const dim = dimOf(selections)!;
  const sizes = selections.map(({ node, kept }) => (kept[dim] === 'int' ? 1 : sizeOf(node)!));
  const rows = parts.length === 1 ? parts[0]! : add('cat', parts, { dim })[0]!;
  const write = graph.add(graph.root, 'write', [rows], [], { ...end.address, inplace: true }, read.site);
  graph.lenient.add(write);
  Object.assign(logits, { type: { ...logits.type, shape: rows.type.shape!.with(-1, logits.type.shape!.at(-1)!) } });
  const results = parts.length === 1 ? [logits] : add('split', [logits], { sizes, count: parts.length, dim });
  selections.forEach(({ node, kept, columns }, i) => {
    const dims = kept.flatMap((kind, at) => (kind === 'int' ? [at] : []));
    const result = dims.length === 0 ? results[i]! : add('squeeze', [results[i]!], { dims })[0]!;
    const items = [...kept.filter((kind) => kind !== 'int').map(() => WHOLE), ...columns];
    Object.assign(node, { inputs: [result, ...operandsOf(items)], attributes: { items: items.map(attributeOf) } });
  });
}

/** How a tensor is read, if only some of its rows are, and these can be computed together. */
function selectionsOf(graph: InterventionGraph, live: readonly Node[], value: Value): Selection[] | null {
  const rank = value.type.shape?.length ?? 0;
  if (rank < 2) return null;
  const isSaved = (part: Value) => graph.saves.some((save) => save.value === part);
  const readings = (part: Value, chain: Chain): (Selection | null)[] => {
    if (isSaved(part)) return [null];
    return live
      .filter((node) => usesOf(node).includes(part))
      .flatMap((node) => {
        const found = node.op === 'getitem' && node.inputs[0] === part ? selection(node, chain) : null;
        if (!found || found.steps.flatMap(operandsOf).some((operand) => dependsOn(operand, value))) return [null];
        // Some texts of a batch: of these, some rows may be read.
        const isBatch = found.columns.length === 0 && found.kept.at(-1) === 'whole';
        return isBatch ? readings(node.outputs[0]!, found) : [found];
      });
  };
  const found = readings(value, { steps: [], kept: Array.from({ length: rank - 1 }, () => 'whole') });
  if (found.length === 0 || found.length > MOST) return null;
  if (!found.every((one) => one !== null && one.kept.at(-1) !== 'whole')) return null;
  const selections = found as Selection[];
  return dimOf(selections) === null ? null : selections;
}

function selection(node: Node, { steps, kept }: Chain): Selection | null {
  const items = readItems(node.attributes, node.inputs.slice(1));
  if (!items.every(({ kind }) => kind === 'int' || kind === 'slice')) return null;
  const columns = [...items];
  const step = kept.map((kind) => (kind === 'int' ? WHOLE : (columns.shift() ?? WHOLE)));
  const left = step.map((item, dim): Kept => (item.kind === 'int' ? 'int' : isWhole(item) ? kept[dim]! : 'slice'));
  return { node, steps: [...steps, step], kept: left, columns };
}

/** The dimension along which the rows of all selections can be joined, and parted again; null if there is none. */
function dimOf(selections: readonly Selection[]): number | null {
  const last = selections[0]!.kept.length - 1;
  if (selections.length === 1) return last;
  const leading = new Set(selections.map(({ kept }) => kept.slice(0, -1).join()));
  if (selections.some(({ kept }) => kept.at(-1) !== 'int')) return null;
  if (leading.size === 1 && !leading.values().next().value!.includes('slice')) return last;
  // One row of each text, and as many texts as was known when they were chosen.
  return last === 1 && selections.every(({ node, kept }) => kept[0] === 'int' || sizeOf(node) !== null) ? 0 : null;
}

/** How many texts a step reads that keeps them. */
function sizeOf({ outputs }: Node): number | null {
  return outputs[0]!.type.shape?.[0] ?? null;
}

function dependsOn(value: Value, other: Value): boolean {
  const seen = new Set([value]);
  // The set grows while it is gone through.
  for (const { node } of seen) for (const used of node ? usesOf(node) : []) seen.add(used);
  return seen.has(other);
}

/** Whether nothing else reads or changes what the end of the model makes, and no module is called by itself. */
function isUntouched(graph: InterventionGraph, read: Node, { tensors }: RowWiseEnd, locate: Locate): boolean {
  for (const node of withBodies(graph.root.nodes)) {
    if (node.op === 'call') return false;
    if (node === read || (node.op !== 'read' && node.op !== 'write')) continue;
    if (tensors.has(locate(addressOf(node)).tensor)) return false;
  }
  return true;
}

/** What enters the end of the model: what was written there, or what the model computes. Null where only some see it. */
function entryOf(
  graph: InterventionGraph,
  read: Node,
  { entry, dtype, address }: RowWiseEnd,
  locate: Locate,
): Value | null {
  const writes = graph.root.nodes.filter((node) => node.op === 'write' && locate(addressOf(node)).tensor === entry);
  if (writes.some(({ attributes: { port, inplace } }) => port === 'input' && !inplace)) return null;
  if (writes.length > 0) return writes.at(-1)!.inputs[0]!;
  const type = { dtype, shape: read.outputs[0]!.type.shape!.with(-1, null) };
  return graph.add(graph.root, 'read', [], [type], { ...address }, read.site).outputs[0]!;
}

function addressOf({ attributes }: Node): TapAddress {
  return attributes as unknown as TapAddress;
}

/** An item as an attribute; its operands stand among the node's inputs. */
function attributeOf(item: Item<Value>): Attribute {
  if (item.kind !== 'slice') return { kind: item.kind };
  const { start, stop, step, size } = item;
  const bounds = { start: start !== null, stop: stop !== null, step: step !== null };
  return { kind: 'slice', ...bounds, ...(size !== undefined && { size }) };
}

function operandsOf(items: readonly Item<Value>[]): Value[] {
  return items.flatMap((item) => {
    if (item.kind === 'slice') return [item.start, item.stop, item.step].filter((bound) => bound !== null);
    return item.kind === 'int' ? [item.index] : [];
  });
}
