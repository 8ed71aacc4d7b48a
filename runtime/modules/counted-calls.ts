import { branchOf } from '../onnx/branches/branch.ts';
import { saysWhetherRan } from '../onnx/branches/ran.ts';
import type { GraphProto } from '../onnx/proto.ts';
import type { ModuleCall } from './module.ts';

/**
 * Whether the calls of a module are numbered in each run as they are in the file: none runs without those before it. In a
 * branch of the model, or in a loop in a loop, an earlier one may not have run.
 */
export function areCounted(calls: readonly ModuleCall[], graph: GraphProto): boolean {
  const [first, ...others] = calls.map(({ nodes }) => conditionsOf(nodes, graph));
  let before = first ?? [];
  return others.every((conditions) => {
    const isAfter = before.every((one) => conditions.includes(one));
    before = conditions;
    return isAfter;
  });
}

/** The tensors that say whether some nodes run, all of them: those of the branches around, from the outermost on. */
export function conditionsOf(nodes: readonly number[], { node }: GraphProto): readonly string[] {
  const running = nodes.filter((index) => !saysWhetherRan(node[index]!));
  const [first = [], ...others] = running.map((index) => branchOf(node[index]!)?.ran ?? []);
  return first.filter((one) => others.every((other) => other.includes(one)));
}
