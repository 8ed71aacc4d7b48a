import type { NodeProto } from '../onnx/proto.ts';
import { dependents, hasGradient } from './activity.ts';
import type { Cotangents } from './cotangents.ts';
import type { Emitter } from './emitter.ts';
import { originOf } from './origin.ts';
import { Application, type SweepGoal } from './rule.ts';
import { endsPath } from './rules/ends.ts';
import { ruleFor, subgraphRuleFor } from './rules/index.ts';

const NONE: ReadonlySet<string> = new Set();

/**
 * Goes back through nodes, the last first, from tensors whose gradients are known to those that are asked for, and adds
 * up the gradients of all that lies between.
 */
export function sweep(emit: Emitter, nodes: readonly NodeProto[], known: Cotangents, goal: SweepGoal): void {
  const replaced = goal.replaced ?? NONE;
  const active = dependents(nodes, goal.wanted, emit.facts);
  const give = (tensor: string, gradient: string | null | undefined) => {
    if (gradient && active.has(tensor) && !replaced.has(tensor)) known.add(tensor, gradient);
  };
  for (const node of nodes.toReversed()) {
    // The output of a node that ends a path may be asked for itself.
    if (endsPath(node) || !node.output.some((tensor) => active.has(tensor) && known.has(tensor))) continue;
    emit.origin = originOf(node);
    const needed = node.input.map((tensor) => active.has(tensor));
    const gradients = node.output.map((tensor) => (hasGradient(tensor, emit.facts) ? known.of(tensor) : null));
    const at = new Application(node, gradients, needed);
    const subgraphRule = subgraphRuleFor(node);
    if (subgraphRule) {
      for (const [tensor, gradient] of subgraphRule(emit, at, active, sweep)) give(tensor, gradient);
    } else if (needed.includes(true)) {
      // Nodes that lead only up to a tensor that is asked for are not passed.
      ruleFor(node)(emit, at, sweep).forEach((gradient, i) => {
        give(node.input[i]!, gradient);
      });
    }
  }
}
