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
const MOST = 8;

const WHOLE: Item<Value> = { kind: 'slice', start: null, stop: null, step: null };

/** An index of a tensor that is read: which rows it selects, and what of them. */
interface Selection {
  readonly node: Node;
  readonly rows: readonly Item<Value>[];
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
  const dim = logits.type.shape!.length - 2;
  const parts = selections.map(({ rows }) => {
    // A dimension that an integer takes out stays, with one element: the end of the model finds the rank that it knows.
    const kept = rows.flatMap((item): Item<Value>[] => (item.kind === 'int' ? [item, { kind: 'newaxis' }] : [item]));
    return add('getitem', [entry, ...operandsOf(kept)], { items: kept.map(attributeOf) })[0]!;
  });
  const rows = parts.length === 1 ? parts[0]! : add('cat', parts, { dim })[0]!;
  const write = graph.add(graph.root, 'write', [rows], [], { ...end.address, inplace: true }, read.site);
  graph.lenient.add(write);
  Object.assign(logits, { type: { ...logits.type, shape: rows.type.shape!.with(-1, logits.type.shape!.at(-1)!) } });
  const count = parts.length;
  const results = count === 1 ? [logits] : add('split', [logits], { sizes: parts.map(() => 1), count, dim });
  selections.forEach(({ node, rows, columns }, i) => {
    const dims = rows.flatMap(({ kind }, at) => (kind === 'int' ? [at] : []));
    const result = dims.length === 0 ? results[i]! : add('squeeze', [results[i]!], { dims })[0]!;
    const items = [...rows.filter(({ kind }) => kind !== 'int').map(() => WHOLE), ...columns];
    Object.assign(node, { inputs: [result, ...operandsOf(items)], attributes: { items: items.map(attributeOf) } });
  });
}

/** How a tensor is read, if only some of its rows are, and these can be computed together. */
function selectionsOf(graph: InterventionGraph, live: readonly Node[], value: Value): Selection[] | null {
  const rank = value.type.shape?.length ?? 0;
  const isSaved = (part: Value) => graph.saves.some((save) => save.value === part);
  /** How a part is read, to which some integers lead. */
  const readings = (part: Value, integers: readonly Item<Value>[]): (Selection | null)[] => {
    if (isSaved(part)) return [null];
    return live
      .filter((node) => usesOf(node).includes(part))
      .flatMap((node) => {
        const [x, ...operands] = node.inputs;
        if (node.op !== 'getitem' || x !== part) return [null];
        const items = [...integers, ...readItems(node.attributes, operands)];
        const isRowOf = items.length < rank - 1 && items.every(({ kind }) => kind === 'int');
        return isRowOf ? readings(node.outputs[0]!, items) : [selection(node, items, value)];
      });
  };
  const found = readings(value, []);
  if (found.length === 0 || found.length > MOST) return null;
  if (!found.every((one) => one !== null)) return null;
  if (found.length === 1) return found;
  const shapes = found.map(({ rows }) => rows.map(shapeOf).join());
  return new Set(shapes).size === 1 && /^((int|whole),)*int$/.test(shapes[0]!) ? found : null;
}

function shapeOf(item: Item<Value>): string {
  return isWhole(item) ? 'whole' : item.kind;
}

function selection(node: Node, items: readonly Item<Value>[], value: Value): Selection | null {
  const rank = value.type.shape!.length;
  if (rank < 2 || !items.every(({ kind }) => kind === 'int' || kind === 'slice')) return null;
  const rows = Array.from({ length: rank - 1 }, (_, dim) => items[dim] ?? WHOLE);
  if (isWhole(rows.at(-1)!) || operandsOf(rows).some((operand) => dependsOn(operand, value))) return null;
  return { node, rows, columns: items.slice(rank - 1) };
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
