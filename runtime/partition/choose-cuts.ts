import { usesOf } from '../graph/live.ts';
import type { Node, Value } from '../graph/types.ts';
import type { Unit } from '../lowering/dependencies.ts';
import type { ForwardPass } from '../lowering/forward-pass.ts';
import { graphLinks } from '../onnx/links.ts';
import type { Cuts } from './cuts.ts';

/** How many tensors of a block that are only read are worth a cut each; more become outputs of one piece. */
const READS_CUT = 2;

/**
 * The tensors that a model has to be cut at for a trace: those that are replaced, those that what replaces them is made
 * of, and the ends of modules that are called, so that the call and the model can share a piece. A tensor that is only
 * read could as well be one more output, but whoever changes it next would need the cut.
 */
export function touchedTensors(units: readonly Unit[], pass: ForwardPass, cuts: Cuts): Set<string> {
  const nodes = units.filter((unit) => typeof unit !== 'number');
  const used = new Set(nodes.flatMap(({ outputs }) => outputs));
  const replacing = pass.overrides.all.filter(({ value }) => used.has(value));
  const touched = new Set(replacing.map(({ tensor }) => tensor));
  for (const node of sourcesOf(replacing.map(({ value }) => value))) {
    if (node.op === 'read') touched.add(pass.tensorOf(node));
    else for (const tensor of outsideOf(node, pass)) touched.add(tensor);
  }
  for (const node of nodes) {
    if (node.op !== 'call') continue;
    const { inputs, outputs } = pass.callParts(node);
    for (const tensor of [...inputs, ...outputs]) touched.add(tensor);
  }
  const reads = new Map<number, Set<string>>();
  for (const node of nodes) {
    if (node.op !== 'read') continue;
    const tensor = pass.tensorOf(node);
    const block = cuts.blockOfTensor(tensor);
    if (block === null) continue;
    if (touched.has(tensor) || !cuts.isInside(tensor)) touched.add(tensor);
    else reads.set(block, (reads.get(block) ?? new Set()).add(tensor));
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
    pending.push(...usesOf(value.node));
  }
  return sources;
}

/**
 * What the calls of modules in a step and its bodies read from elsewhere in the model: the tensors that are not the
 * same in every run, or are replaced.
 */
export function outsideOf(node: Node, pass: ForwardPass): string[] {
  const inner = node.regions.flatMap((region) => region.nodes.flatMap((step) => outsideOf(step, pass)));
  if (node.op !== 'call') return inner;
  const { constant } = graphLinks(pass.model.graph);
  const own = pass
    .callParts(node)
    .outside.filter((tensor) => !constant.has(tensor) || pass.overrides.of(tensor, null) !== undefined);
  return [...new Set([...own, ...inner])];
}
