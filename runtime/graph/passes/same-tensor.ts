import { forwardOf } from '../forwards.ts';
import type { InterventionGraph } from '../graph.ts';
import { usesOf } from '../live.ts';
import { isFloat } from '../promotion.ts';
import type { Node, NodeOf, Value } from '../types.ts';
import { withRegions } from '../walk.ts';

/**
 * A gradient by a tensor that may be another one, of which the loss is computed elsewhere, too: a branch or loop decides
 * whether it has made a tensor of its own. Undefined where there is none.
 */
export function gradientOfDoubtful(graph: InterventionGraph): NodeOf<'grad'> | undefined {
  const nodes = [...withRegions(graph.root.nodes)];
  const gradients = nodes.filter((node) => node.op === 'grad');
  if (gradients.length === 0) return undefined;
  const aliases = new Aliases(nodes);
  return gradients.find((node) => aliases.isDoubtful(node));
}

class Aliases {
  private readonly writes: readonly NodeOf<'write'>[];
  /** What the parameters of loops are: before the first iteration, and behind one. */
  private readonly carried = new Map<Value, readonly [Value, Value]>();

  constructor(nodes: readonly Node[]) {
    this.writes = nodes.filter((node) => node.op === 'write');
    for (const { op, inputs, regions } of nodes) {
      if (op !== 'loop') continue;
      const [{ parameters, results }] = regions as [Node['regions'][number]];
      parameters.slice(1).forEach((parameter, i) => {
        this.carried.set(parameter, [inputs[i + 2]!, results[i + 1]!]);
      });
    }
  }

  isDoubtful({ inputs }: NodeOf<'grad'>): boolean {
    const [pass, of] = inputs as [Value, Value];
    const others = new Set(this.closure([of], (value) => this.choices(value)));
    others.delete(of);
    if (others.size === 0) return false;
    const read = new Set([...others].flatMap(({ node }) => (isActivation(node) ? [forwardOf(node)] : [])));
    for (const forward of read) if (this.isWritten(of, forward)) read.delete(forward);
    return this.sources(pass.node!.inputs[0]!, of).some(
      (value) => others.has(value) || (isActivation(value.node) && read.has(forwardOf(value.node))),
    );
  }

  /** Whether a module of a forward is set to what is computed of a value. */
  private isWritten(of: Value, forward: number): boolean {
    const writes = this.writes.filter((node) => forwardOf(node) === forward);
    return writes.some(({ inputs }) => this.closure([inputs[0]!], (value) => this.parents(value)).includes(of));
  }

  /** All that a loss is computed from but through a value. */
  private sources(loss: Value, without: Value): Value[] {
    return this.closure([loss], (value) => (value === without ? [] : this.parents(value)));
  }

  /** What a value may be that a branch or loop gives. */
  private choices(value: Value): readonly Value[] {
    const { node, index } = value;
    if (node?.op === 'if') return node.regions.map(({ results }) => results[index]!);
    if (node?.op === 'loop') return [node.inputs[index + 2]!, node.regions[0]!.results[index + 1]!];
    return this.carried.get(value) ?? [];
  }

  private parents(value: Value): readonly Value[] {
    const { node } = value;
    const chosen = this.choices(value);
    if (chosen.length > 0 || !node || node.op === 'detach') return chosen;
    if (isActivation(node)) {
      const writes = this.writes.filter((write) => forwardOf(write) === forwardOf(node));
      return writes.map(({ inputs }) => inputs[0]!);
    }
    return usesOf(node);
  }

  /** Gradients go through floating-point numbers alone. */
  private closure(start: readonly Value[], next: (value: Value) => readonly Value[]): Value[] {
    const found = new Set<Value>();
    const pending = [...start];
    for (let value = pending.pop(); value; value = pending.pop()) {
      if (found.has(value) || !(isFloat(value.type.dtype) || value.node?.op === 'backward')) continue;
      found.add(value);
      pending.push(...next(value));
    }
    return [...found];
  }
}

function isActivation(node: Node | null): node is NodeOf<'read'> {
  return node?.op === 'read' && node.attributes.port !== 'parameter';
}
