import { GraphCopier } from '../copy.ts';
import { isHosted } from '../forwards.ts';
import { usesOf } from '../live.ts';
import { operandData } from '../operand-data.ts';
import type { Node, NodeOf, Region, TensorType, Value } from '../types.ts';
import { withRegions } from '../walk.ts';
import { type Pass, type Rewritten, unchanged } from './pass.ts';

/**
 * Takes the functions of the user out of conditionals, which a model decides by itself, while functions run between two
 * runs of it. A conditional around a function becomes three nodes: a conditional that makes what the function takes, the
 * function with the condition as its guard, and a conditional with the rest. Conditionals around whole traces stay.
 */
export const hoistFunctions: Pass<null> = (graph) => {
  let result: Rewritten = unchanged(graph);
  // Each time all functions get out of the conditional that is closest around them.
  for (;;) {
    const { graph: current, value } = result;
    if (!hasHidden(current.root.nodes)) return result;
    const next = new Hoister(current).run();
    result = { graph: next.graph, value: (old) => next.value(value(old)) };
  }
};

/** Whether a conditional that is no conditional around traces has a function in it. */
function hasHidden(nodes: readonly Node[]): boolean {
  return nodes.some((node) => node.regions.some((body) => (!isHosted(node) && applies(body)) || hasHidden(body.nodes)));
}

const applies = ({ nodes }: Region): boolean => nodes.some(({ op }) => op === 'apply');

/** A function of the user in a body with a gradient, which would have to go back through all that the body is divided into. */
export function functionBesideGradient(nodes: readonly Node[]): Node | null {
  const isPass = ({ op }: Node) => op === 'backward' || op === 'grad' || op === 'setgrad';
  for (const node of nodes) {
    const inside = [...withRegions(node.regions.flatMap((body) => body.nodes))];
    const applied = inside.find(({ op }) => op === 'apply');
    if (!applied) continue;
    if (!isHosted(node)) return inside.some(isPass) ? applied : null;
    const found = functionBesideGradient(node.regions.flatMap((body) => body.nodes));
    if (found) return found;
  }
  return null;
}

/** A conditional that is divided at a function in one of its bodies. */
interface Divided {
  readonly node: Node;
  readonly region: Region;
  /** Which body it is: 0 if the condition holds. */
  readonly side: 0 | 1;
  readonly before: readonly Node[];
  readonly function: NodeOf<'apply'>;
  readonly after: readonly Node[];
}

class Hoister extends GraphCopier {
  private readonly blanks = new Map<string, Value>();

  run(): Rewritten {
    for (const node of this.source.root.nodes) this.node(node, this.graph.root);
    this.saves();
    return this;
  }

  override node(node: Node, region: Region): void {
    const side = node.op === 'if' && !isHosted(node) ? node.regions.findIndex(applies) : -1;
    if (side < 0) {
      super.node(node, region);
      return;
    }
    const { nodes } = node.regions[side]!;
    const at = nodes.findIndex(({ op }) => op === 'apply');
    const applied = nodes[at] as NodeOf<'apply'>;
    this.divide({
      node,
      region,
      side: side as 0 | 1,
      before: nodes.slice(0, at),
      function: applied,
      after: nodes.slice(at + 1),
    });
  }

  private divide({ node, region, side, before, function: applied, after }: Divided): void {
    const body = node.regions[side]!;
    const condition = this.value(node.inputs[0]!);
    const needed = new Set([...applied.inputs, ...after.flatMap(usesOf), ...body.results]);
    const handed = before.flatMap(({ outputs }) => outputs).filter((value) => needed.has(value));
    if (handed.length > 0) {
      const made = this.region(body, before, handed);
      const none: Region = { parameters: [], nodes: [], results: handed.map(({ type }) => this.blank(type)) };
      const bodies = side === 0 ? [made, none] : [none, made];
      const types = handed.map(({ type }) => type);
      const first = this.graph.add(region, 'if', [condition], types, {}, node.site, bodies);
      handed.forEach((value, i) => {
        this.values.set(value, first.outputs[i]!);
      });
    }
    const inputs = applied.inputs.map((value) => this.value(value));
    const holds = side === 0 ? condition : this.operation('logicalNot', [condition], applied, region);
    const [guard, tensors] = applied.attributes.guarded
      ? [this.operation('logicalAnd', [holds, inputs[0]!], applied, region), inputs.slice(1)]
      : [holds, inputs];
    const [{ type }] = applied.outputs as [Value];
    const call = this.graph.add(region, 'apply', [guard, ...tensors], [type], { guarded: true }, applied.site);
    this.values.set(applied.outputs[0]!, call.outputs[0]!);
    const rest: Region = { ...body, nodes: [...after] };
    super.node({ ...node, regions: side === 0 ? [rest, node.regions[1]!] : [node.regions[0]!, rest] }, region);
  }

  private operation(op: 'logicalNot' | 'logicalAnd', inputs: Value[], { site }: Node, region: Region): Value {
    return this.graph.add(region, op, inputs, [{ dtype: 'bool', shape: [] }], {}, site).outputs[0]!;
  }

  /** A value that stands where a body did not run: false, zero, or no elements. */
  private blank({ dtype, shape }: TensorType): Value {
    const dims = shape?.map(() => 0) ?? [0];
    const key = `${dtype} ${dims}`;
    let value = this.blanks.get(key);
    if (!value) {
      const node = this.graph.add(this.graph.root, 'operand', [], [{ dtype, shape: dims }], { dtype }, null);
      this.graph.operands.set(node, { dims, data: operandData(dtype, dims.length === 0 ? [0] : [], 'a blank') });
      value = node.outputs[0]!;
      this.blanks.set(key, value);
    }
    return value;
  }
}
