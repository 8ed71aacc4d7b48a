import { extract } from '../graph/extract.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { liveNodes, usesOf } from '../graph/live.ts';
import { operations } from '../graph/operations/index.ts';
import { type Item, writeItems } from '../graph/operations/items.ts';
import type { Attributes, Node, Value } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import { withRegions } from '../lowering/site-names.ts';
import type { TapAddress } from '../tracing/model.ts';
import { dependsOn, rowSelections, WHOLE } from './row-selections.ts';
import type { RowWiseEnd, RowWiseEnds } from './row-wise.ts';

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
  const users = usersOf(live);
  for (const read of live) {
    const end = endOf(read);
    // What is set to something that depends on logits is a cycle, which whoever orders the graph reports.
    if (end && !set.some((value) => dependsOn(value, read.outputs[0]!))) narrowRead(copy, users, read, end, locate);
  }
  return copy;
}

function usersOf(nodes: readonly Node[]): Map<Value, Node[]> {
  const users = new Map<Value, Node[]>();
  for (const node of nodes) {
    for (const value of new Set(usesOf(node))) {
      const others = users.get(value);
      if (others === undefined) users.set(value, [node]);
      else others.push(node);
    }
  }
  return users;
}

function narrowRead(
  graph: InterventionGraph,
  users: ReadonlyMap<Value, readonly Node[]>,
  read: Node,
  end: RowWiseEnd,
  locate: Locate,
): void {
  const saved = new Set(graph.saves.map(({ value }) => value));
  const joined = rowSelections(read.outputs[0]!, users, (value) => saved.has(value));
  if (joined === null || !isUntouched(graph, read, end, locate)) return;
  const entry = entryOf(graph, read, end, locate);
  if (entry === null) return;
  const add = (op: string, inputs: readonly Value[], attributes: Attributes, { site } = read): readonly Value[] => {
    const types = operations[op]!.infer(
      inputs.map(({ type }) => type),
      attributes,
    );
    return graph.add(graph.root, op, inputs, types, attributes, site).outputs;
  };
  const logits = read.outputs[0]!;
  const { selections, dim, sizes } = joined;
  const parts = selections.map(({ node, steps }) =>
    steps.reduce((x, step) => {
      // A dimension that an integer takes out stays, with one element: the end of the model finds the rank that it knows.
      const kept = step.flatMap((item): Item<Value>[] => (item.kind === 'int' ? [item, { kind: 'newaxis' }] : [item]));
      const { items, operands } = writeItems(kept);
      return add('getitem', [x, ...operands], { items }, node)[0]!;
    }, entry),
  );
  const rows = parts.length === 1 ? parts[0]! : add('cat', parts, { dim })[0]!;
  const write = graph.add(graph.root, 'write', [rows], [], { ...end.address, inplace: true }, read.site);
  graph.lenient.add(write);
  Object.assign(logits, { type: { ...logits.type, shape: rows.type.shape!.with(-1, logits.type.shape!.at(-1)!) } });
  const results = parts.length === 1 ? [logits] : add('split', [logits], { sizes, count: parts.length, dim });
  selections.forEach(({ node, kept, columns }, i) => {
    const dims = kept.flatMap((kind, at) => (kind === 'int' ? [at] : []));
    const result = dims.length === 0 ? results[i]! : add('squeeze', [results[i]!], { dims }, node)[0]!;
    const left = [...kept.filter((kind) => kind !== 'int').map(() => WHOLE), ...columns];
    const { items, operands } = writeItems(left);
    Object.assign(node, { inputs: [result, ...operands], attributes: { items } });
  });
}

/** Whether nothing else reads or changes what the end of the model makes, and no module is called by itself. */
function isUntouched(graph: InterventionGraph, read: Node, { tensors }: RowWiseEnd, locate: Locate): boolean {
  for (const node of withRegions(graph.root.nodes)) {
    if (node.op === 'call') return false;
    if (node === read || (node.op !== 'read' && node.op !== 'write')) continue;
    if (tensors.has(locate(addressOf(node)).tensor)) return false;
  }
  return true;
}

/**
 * What enters the end of the model: what was written there, or what the model computes. Null where only some see it, and
 * where its rank is not known.
 */
function entryOf(
  graph: InterventionGraph,
  read: Node,
  { entry, dtype, address }: RowWiseEnd,
  locate: Locate,
): Value | null {
  const writes = graph.root.nodes.filter((node) => node.op === 'write' && locate(addressOf(node)).tensor === entry);
  if (writes.some(({ attributes: { port, inplace } }) => port === 'input' && !inplace)) return null;
  const written = writes.at(-1)?.inputs[0];
  if (written) return written.type.shape === null ? null : written;
  const type = { dtype, shape: read.outputs[0]!.type.shape!.with(-1, null) };
  return graph.add(graph.root, 'read', [], [type], { ...address }, read.site).outputs[0]!;
}

function addressOf({ attributes }: Node): TapAddress {
  return attributes as unknown as TapAddress;
}
