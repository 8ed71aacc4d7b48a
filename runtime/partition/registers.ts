import type { InterventionGraph } from '../graph/graph.ts';
import type { Value } from '../graph/types.ts';
import type { Dispatch, Plan, Port } from './plan.ts';

/** A dispatch of which it is not known yet which registers it is the last to need. */
export type NewDispatch = Omit<Dispatch, 'drops'>;

/** Gives each tensor of a run its register. */
export class Registers {
  private readonly graph: InterventionGraph;
  private readonly numbers = new Map<string | Value, number>();
  private readonly inputs: Port[] = [];
  private readonly operands: { position: number; register: number }[] = [];
  private readonly positions: ReadonlyMap<unknown, number>;
  private readonly inputNames: ReadonlySet<string>;
  private count = 0;

  constructor(graph: InterventionGraph, inputNames: Iterable<string>) {
    this.graph = graph;
    this.inputNames = new Set(inputNames);
    this.positions = new Map([...graph.operands.keys()].map((node, position) => [node, position]));
  }

  /** The register of a tensor of the model or of a value of the graph. */
  of(tensor: string | Value): number {
    const known = this.numbers.get(tensor);
    if (known !== undefined) return known;
    const register = this.count++;
    this.numbers.set(tensor, register);
    if (typeof tensor === 'string') {
      if (this.inputNames.has(tensor)) this.inputs.push({ name: tensor, register });
    } else if (tensor.node?.op === 'operand') {
      this.operands.push({ position: this.positions.get(tensor.node)!, register });
    }
    return register;
  }

  /** Makes a value another name for a tensor. */
  alias(value: Value, tensor: string | Value): void {
    this.numbers.set(value, this.of(tensor));
  }

  /** The whole plan, once all dispatches are known. */
  plan(dispatches: readonly NewDispatch[], skipped: readonly string[], cuts: readonly string[]): Plan {
    const saves = this.graph.saves.map(({ value }) => this.of(value));
    const kept = new Set(saves);
    const withDrops = dispatches.toReversed().map((dispatch): Dispatch => {
      const drops = [...dispatch.feeds, ...dispatch.fetches]
        .map(({ register }) => register)
        .filter((register) => !kept.has(register));
      for (const register of drops) kept.add(register);
      return { ...dispatch, drops: [...new Set(drops)] };
    });
    return {
      registers: this.count,
      inputs: this.inputs,
      operands: this.operands,
      dispatches: withDrops.reverse(),
      saves,
      skipped,
      cuts,
    };
  }
}
