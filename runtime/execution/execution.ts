import { TraceError } from '../errors.ts';
import { type Extract, extract } from '../graph/extract.ts';
import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph, OperandData } from '../graph/graph.ts';
import type { DType, Node, Region, Value } from '../graph/types.ts';
import { noEffect } from '../lowering/dependencies.ts';
import { Tensor } from '../tensor/tensor.ts';
import { callFunction, type HostFunction } from './apply.ts';
import { Draws } from './draws.ts';
import type { Engine, RunOptions } from './engine.ts';
import { isComposite, type Leg, legsOf } from './legs.ts';
import { ReuseScope } from './reuse.ts';
import { type Stage, stagesOf } from './stages.ts';

/** A forward that is to run. */
export interface ForwardRun {
  readonly engine: Engine;
  /** Which forward it runs in the middle of: another model's, which calls it there, or its own number. */
  readonly owner: number;
  /** The data of the model's inputs, by their names. */
  inputs: ReadonlyMap<string, Tensor>;
}

export interface ExecutionOptions extends RunOptions {
  /** Called before a forward runs: false ends the run there. */
  readonly before?: (forward: number, values: Map<Value, Tensor>) => Promise<boolean>;
}

/** A stage that is more than one run, while it runs. */
interface Composite {
  readonly runs: readonly ForwardRun[];
  /** The functions of the user by what they give. */
  readonly functions: ReadonlyMap<Value, HostFunction>;
  readonly known: Map<Value, Tensor>;
  /** The draws of those runs that take several legs. */
  readonly draws: ReadonlyMap<number, Draws>;
  readonly reuse: ReuseScope;
}

/** Runs an intervention graph with any number of forwards, and keeps the values that were asked for. */
export class Execution {
  /** The values that are known so far. */
  readonly values = new Map<Value, Tensor>();
  private readonly graph: InterventionGraph;
  private readonly forwards: readonly ForwardRun[];
  private readonly functions: ReadonlyMap<Value, HostFunction>;
  private readonly options: ExecutionOptions;
  private readonly stages = new Map<Region, readonly Stage[]>();

  constructor(
    graph: InterventionGraph,
    forwards: readonly ForwardRun[],
    functions: ReadonlyMap<Value, HostFunction>,
    options: ExecutionOptions,
  ) {
    this.graph = graph;
    this.forwards = forwards;
    this.functions = functions;
    this.options = options;
  }

  /** Runs a graph of one forward as it is, and gives its saves. */
  async single(): Promise<Tensor[]> {
    const { graph } = this;
    if (graph.saves.length > 0) return this.forwards[0]!.engine.run(graph, this.forwards[0]!.inputs, this.options);
    checkEffects(graph.root.nodes);
    return [];
  }

  /** Runs everything that `wanted` needs. Values of forwards that `before` refused stay unknown. */
  async run(wanted: readonly Value[]): Promise<void> {
    await this.region(this.graph.root, wanted);
  }

  /** False if the run was ended on the way. */
  private async region(region: Region, wanted: readonly Value[]): Promise<boolean> {
    let stages = this.stages.get(region);
    if (!stages) {
      stages = stagesOf(region, wanted, (forward) => this.forwards[forward]!.owner);
      this.stages.set(region, stages);
    }
    for (const stage of stages) {
      if (stage.hosted && stage.saves.length > 0 && !(await this.hosted(stage.hosted))) return false;
      if (!(await this.stage(stage))) return false;
    }
    return true;
  }

  private async stage({ forward, nodes, saves }: Stage): Promise<boolean> {
    const own = new Set(nodes.flatMap(({ outputs }) => outputs));
    const wanted = saves.filter((value) => own.has(value));
    if (wanted.length === 0 && !nodes.some(({ op }) => op === 'apply')) {
      checkEffects(nodes);
      return true;
    }
    if (forward !== null && (await this.options.before?.(forward, this.values)) === false) return false;
    const main = forward ?? 0;
    const attached = nodes.filter((node) => node.op === 'forward').map(forwardOf);
    const numbers = new Map([main, ...attached].map((number, i) => [number, i]));
    const part = extract(this.graph, nodes, wanted, numbers);
    for (const { value, operand } of part.outer) this.fill(part.graph, operand, value);
    const runs = [main, ...attached].map((number) => this.forwards[number]!);
    const tensors = isComposite(nodes)
      ? await this.composite(part, runs)
      : await runs[0]!.engine.run(part.graph, runs[0]!.inputs, this.options);
    wanted.forEach((value, i) => {
      this.values.set(value, tensors[i]!);
    });
    return true;
  }

  /** A stage in which other models or functions are called, leg by leg. */
  private async composite({ graph, values }: Extract, runs: readonly ForwardRun[]) {
    const functions = new Map(
      [...this.functions].flatMap(([made, fn]) => {
        const copy = values.get(made);
        return copy ? [[copy, fn] as const] : [];
      }),
    );
    const known = new Map<Value, Tensor>();
    // What a model computed up to a call is there when it goes on after it.
    const reuse = this.options.reuse ?? new ReuseScope();
    const legs = legsOf(
      graph,
      runs.map(({ engine }) => engine),
    );
    const legCount = (run: number) => legs.filter(({ forward, apply }) => apply === null && forward === run).length;
    const drawing = runs.flatMap(({ engine }, run) => (engine.model.isRandom && legCount(run) > 1 ? [run] : []));
    const draws = new Map(drawing.map((run) => [run, new Draws()]));
    for (const leg of legs) await this.leg(graph, leg, { runs, functions, known, draws, reuse });
    return graph.saves.map(({ value }) => known.get(value)!);
  }

  private async leg(
    graph: InterventionGraph,
    { forward, apply, nodes, saves }: Leg,
    { runs, functions, known, draws, reuse }: Composite,
  ): Promise<void> {
    const at = (value: Value): Tensor => {
      const data = value.node && graph.operands.get(value.node);
      return data ? operandTensor(value, data) : known.get(value)!;
    };
    if (apply) {
      const made = apply.outputs[0]!;
      known.set(made, await callFunction(functions.get(made)!, apply, apply.inputs.map(at)));
      return;
    }
    const part = extract(graph, nodes, saves, new Map([[forward, 0]]));
    for (const { value, operand } of part.outer) fillOperand(part.graph, operand, at(value));
    const openings = graph.root.nodes.filter((node) => node.op === 'forward');
    const opening = openings.find((node) => forwardOf(node) === forward);
    const inputs = opening
      ? new Map(opening.attributes.inputs.map((name, i) => [name, at(opening.inputs[i]!)]))
      : runs[forward]!.inputs;
    const { engine } = runs[forward]!;
    const run = (asked: InterventionGraph) => engine.run(asked, inputs, { ...this.options, reuse });
    const tensors = await (draws.get(forward)?.run(part.graph, engine, run) ?? run(part.graph));
    saves.forEach((value, i) => {
      known.set(value, tensors[i]!);
    });
  }

  /** A conditional or loop around whole traces. */
  private async hosted(node: Node): Promise<boolean> {
    if (node.op === 'if') {
      const body = node.regions[this.at(node.inputs[0]!).item() ? 0 : 1]!;
      if (!(await this.region(body, body.results))) return false;
      this.assign(
        node.outputs,
        body.results.map((value) => this.at(value)),
      );
      return true;
    }
    const [trip, first, ...initial] = node.inputs.map((value) => this.at(value));
    const body = node.regions[0]!;
    let carried = initial;
    let goOn = Boolean(first!.item());
    for (let index = 0; index < Number(trip!.item()) && goOn; index++) {
      this.assign(body.parameters, [Tensor.from(index, 'int64' as DType as 'float32'), ...carried]);
      if (!(await this.region(body, body.results))) return false;
      const [test, ...next] = body.results.map((value) => this.at(value));
      goOn = Boolean(test!.item());
      carried = next;
    }
    this.assign(node.outputs, carried);
    return true;
  }

  private assign(values: readonly Value[], tensors: readonly Tensor[]): void {
    values.forEach((value, i) => {
      this.values.set(value, tensors[i]!);
    });
  }

  private fill(graph: InterventionGraph, operand: Node, value: Value): void {
    fillOperand(graph, operand, this.at(value));
  }

  private at(value: Value): Tensor {
    const known = this.values.get(value);
    if (known) return known;
    const data = value.node && this.graph.operands.get(value.node);
    if (data) return operandTensor(value, data);
    throw new TraceError('A value of a later forward pass is used in an earlier one.', value.node?.site ?? null);
  }
}

/** Throws a TraceError for a write among nodes of which nothing is saved. */
function checkEffects(nodes: readonly Node[]): void {
  for (const node of nodes) if (node.op === 'write' && !node.attributes.lenient) throw noEffect(node);
}

function operandTensor({ type }: Value, { dims, data }: OperandData): Tensor {
  return new Tensor(type.dtype as 'float32', dims, data as Float32Array<ArrayBuffer>);
}

function fillOperand(graph: InterventionGraph, operand: Node, { dims, raw }: Tensor): void {
  graph.operands.set(operand, { dims, data: raw });
}
