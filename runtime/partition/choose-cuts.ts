import { usesOf } from '../graph/live.ts';
import type { Node, Value } from '../graph/types.ts';
import type { Vertex } from '../lowering/dependencies.ts';
import type { Forward } from '../lowering/forward.ts';
import type { Cuts } from './cuts.ts';

/** How many tensors of a stretch that are only read are worth a cut each; more become outputs of one segment. */
const READS_CUT = 2;

/**
 * The tensors that a model has to be cut at for a trace: those that are replaced, those that what replaces them is made
 * of, and the ends of modules that are called, so that the call and the model can share a program. A tensor that is only
 * read could as well be one more output, but a trace that changes it would need the cut. What the model gives itself is
 * one more output, like the cache that a generation reads in each step.
 */
export function chooseCuts(vertices: readonly Vertex[], forward: Forward, cuts: Cuts): Set<string> {
  const nodes = vertices.filter((vertex) => typeof vertex !== 'number');
  const used = new Set(nodes.flatMap(({ outputs }) => outputs));
  const replacing = forward.overrides.all.filter(({ value }) => used.has(value));
  const touched = new Set(replacing.map(({ tensor }) => tensor));
  for (const node of sourcesOf(replacing.map(({ value }) => value))) {
    if (node.op === 'read') touched.add(forward.tensorOf(node));
    else for (const tensor of outsideOf(node, forward)) touched.add(tensor);
  }
  for (const node of nodes) {
    if (node.op !== 'call') continue;
    const { inputs, outputs } = forward.calledModule(node);
    for (const tensor of [...inputs, ...outputs]) touched.add(tensor);
  }
  const { outputs: results } = forward.model.links;
  const reads = new Map<number, Set<string>>();
  for (const node of nodes) {
    if (node.op !== 'read') continue;
    const tensor = forward.tensorOf(node);
    const stretch = cuts.stretchOfTensor(tensor);
    if (stretch === null || (results.has(tensor) && !touched.has(tensor))) continue;
    if (touched.has(tensor) || !cuts.isInside(tensor)) touched.add(tensor);
    else reads.set(stretch, (reads.get(stretch) ?? new Set()).add(tensor));
  }
  for (const tensors of reads.values()) {
    if (tensors.size <= READS_CUT) for (const tensor of tensors) touched.add(tensor);
  }
  return touched;
}

/** The nodes that some values are made by, directly and indirectly. */
function sourcesOf(values: readonly Value[]): Set<Node> {
  const sources = new Set<Node>();
  const pending = [...values];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (value.node === null || sources.has(value.node)) continue;
    sources.add(value.node);
    for (const one of usesOf(value.node)) pending.push(one);
  }
  return sources;
}

/**
 * What the calls of modules in a node and its regions read from elsewhere in the model: the tensors that are not the
 * same in every run, or are replaced.
 */
export function outsideOf(node: Node, forward: Forward): string[] {
  const nested = node.regions.flatMap((region) => region.nodes.flatMap((inner) => outsideOf(inner, forward)));
  if (node.op !== 'call') return nested;
  const { constant } = forward.model.links;
  const own = forward
    .calledModule(node)
    .outside.filter((tensor) => !constant.has(tensor) || forward.overrides.of(tensor, null) !== undefined);
  return [...new Set([...own, ...nested])];
}
