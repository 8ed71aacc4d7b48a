import type { InterventionGraph } from '../graph/graph.ts';
import type { Value } from '../graph/types.ts';
import type { Plan, Port, Step } from './plan.ts';

/** Gives each tensor of a run its place. */
export class Slots {
  private readonly graph: InterventionGraph;
  private readonly places = new Map<string | Value, number>();
  private readonly inputs: Port[] = [];
  private readonly operands: { position: number; slot: number }[] = [];
  private readonly positions: ReadonlyMap<unknown, number>;
  private readonly inputNames: ReadonlySet<string>;
  private count = 0;

  constructor(graph: InterventionGraph, inputNames: Iterable<string>) {
    this.graph = graph;
    this.inputNames = new Set(inputNames);
    this.positions = new Map([...graph.operands.keys()].map((node, position) => [node, position]));
  }

  /** The slot of a tensor of the model or of a value of the graph. */
  of(tensor: string | Value): number {
    const known = this.places.get(tensor);
    if (known !== undefined) return known;
    const slot = this.count++;
    this.places.set(tensor, slot);
    if (typeof tensor === 'string') {
      if (this.inputNames.has(tensor)) this.inputs.push({ name: tensor, slot });
    } else if (tensor.node?.op === 'operand') {
      this.operands.push({ position: this.positions.get(tensor.node)!, slot });
    }
    return slot;
  }

  /** Makes a value another name for a tensor. */
  alias(value: Value, tensor: string | Value): void {
    this.places.set(value, this.of(tensor));
  }

  /** The whole plan, once all steps are known. */
  plan(steps: readonly Omit<Step, 'drops'>[], skipped: readonly string[]): Plan {
    const saves = this.graph.saves.map(({ value }) => this.of(value));
    const kept = new Set(saves);
    const withDrops = steps.toReversed().map((step): Step => {
      const drops = [...step.feeds, ...step.fetches].map(({ slot }) => slot).filter((slot) => !kept.has(slot));
      for (const slot of drops) kept.add(slot);
      return { ...step, drops: [...new Set(drops)] };
    });
    return {
      slots: this.count,
      inputs: this.inputs,
      operands: this.operands,
      steps: withDrops.reverse(),
      saves,
      skipped,
    };
  }
}
