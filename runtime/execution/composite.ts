import { extract } from '../graph/extract.ts';
import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Node, TensorType, Value } from '../graph/types.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import { callFunction, type HostFunction } from './apply.ts';
import { checkReach } from './body-reach.ts';
import { Draws } from './draws.ts';
import type { Engine, RunOptions } from './engine.ts';
import { type Leg, legsOf } from './legs.ts';
import { operandTensor, setOperand } from './operands.ts';
import { ReuseScope } from './reuse.ts';
import type { Taping } from './taping.ts';

/** A model that is to run, and the data of its inputs, by their names. */
export interface ModelRun {
  readonly engine: Engine;
  inputs: ReadonlyMap<string, InputTensor>;
  /** The values of the graph that some of them are, by their names: what a step takes from the one before. */
  given?: ReadonlyMap<string, Value>;
  /** Makes the inputs of the tensors that these values are, once they are known: those of a trace of a session. */
  prepare?: (given: ReadonlyMap<string, InputTensor>) => ReadonlyMap<string, InputTensor>;
  /** Whether it runs at all, asked when its turn comes: a step of a generation may not. It does, where this is not given. */
  isReached?: () => boolean;
}

/** Whether a stage is more than one run of one model. */
export function isComposite(nodes: readonly Node[]): boolean {
  return nodes.some(({ op }) => op === 'forward' || op === 'apply');
}

/** A stage in which other models, or functions of the user, are called: it runs leg by leg. */
export class Composite {
  private readonly graph: InterventionGraph;
  private readonly runs: readonly ModelRun[];
  private readonly functions: ReadonlyMap<Value, HostFunction>;
  private readonly options: RunOptions;
  private readonly known = new Map<Value, Tensor>();
  /** The draws of those models that run in several legs. */
  private readonly draws = new Map<number, Draws>();
  private readonly taping: Taping | null;
  /** The reads that the legs of each forward have made. */
  private readonly left = new Map<number, Node[]>();

  /**
   * @param taping where the runs go that a backward pass may come back to; null where none comes
   * @param runs the models, by the numbers of the graph's forwards
   * @param functions the functions of the user, by the values that they give
   */
  constructor(
    graph: InterventionGraph,
    runs: readonly ModelRun[],
    functions: ReadonlyMap<Value, HostFunction>,
    options: RunOptions,
    taping: Taping | null = null,
  ) {
    this.taping = taping;
    this.graph = graph;
    this.runs = runs;
    this.functions = functions;
    // What a model computed up to a call is there when it goes on after it.
    const [{ engine, inputs }] = runs as readonly [ModelRun, ...ModelRun[]];
    this.options = { ...options, reuse: engine.scopeFor(inputs, options.reuse) || new ReuseScope() };
  }

  /** Runs the stage and gives the graph's saves, in order. */
  async run(): Promise<Tensor[]> {
    const legs = legsOf(
      this.graph,
      this.runs.map(({ engine }) => engine),
    );
    this.runs.forEach(({ engine }, run) => {
      const own = legs.filter((leg) => leg.kind === 'forward' && leg.forward === run);
      if (engine.model.isRandom && own.length > 1) this.draws.set(run, new Draws());
    });
    for (const leg of legs) await (leg.kind === 'apply' ? this.apply(leg) : this.forward(leg));
    return this.graph.saves.map(({ value }) => this.known.get(value)!);
  }

  private async apply({ node }: Leg & { kind: 'apply' }): Promise<void> {
    const [made] = node.outputs;
    const { guarded } = node.attributes;
    if (guarded && !this.at(node.inputs[0]!).item()) {
      this.known.set(made!, nothing(made!.type));
      return;
    }
    const inputs = guarded ? node.inputs.slice(1) : node.inputs;
    const tensors = inputs.map((value) => this.at(value));
    const fn = this.functions.get(made!)!;
    this.known.set(made!, await callFunction(fn, node, tensors));
    this.taping?.call(node, inputs, tensors, fn);
  }

  private async forward({ forward, nodes, saves }: Leg & { kind: 'forward' }): Promise<void> {
    // A gradient by what the model makes before it was left has a part in each leg that makes it again.
    const again = this.again(forward, nodes);
    const kept = [...saves, ...again.flatMap(({ outputs }) => outputs)];
    const extracted = extract(this.graph, [...again, ...nodes], kept, new Map([[forward, 0]]));
    const { graph, outer } = extracted;
    checkReach(
      this.graph,
      nodes,
      this.runs.map(({ engine: { model, locate } }) => ({ model, locate })),
    );
    for (const { value, operand } of outer) setOperand(graph, operand, this.at(value));
    const inputs = this.inputsOf(forward);
    const engine = this.runs[forward]!.engine.forms.for(graph, inputs);
    const options = this.taping?.run(engine, extracted, kept, this.inputValues(forward), this.options) ?? this.options;
    const run = (asked: InterventionGraph) => engine.run(asked, inputs, options);
    const tensors = await (this.draws.get(forward)?.run(graph, engine, run) ?? run(graph));
    saves.forEach((value, i) => {
      this.known.set(value, tensors[i]!);
    });
  }

  /** The reads of a forward that earlier legs made and whose gradients are asked for. */
  private again(forward: number, nodes: readonly Node[]): Node[] {
    const earlier = this.left.get(forward) ?? [];
    this.left.set(forward, [...earlier, ...nodes.filter(({ op }) => op === 'read')]);
    return earlier.filter(({ outputs }) => this.taping?.isTarget(outputs[0]!));
  }

  private inputValues(forward: number): ReadonlyMap<string, Value> {
    const opening = this.graph.root.nodes.find((node) => node.op === 'forward' && forwardOf(node) === forward);
    if (opening?.op !== 'forward') return this.runs[forward]!.given ?? new Map();
    return new Map(opening.attributes.inputs.map((name, i) => [name, opening.inputs[i]!]));
  }

  /** The inputs of a model: values of the graph if it is called in the middle of another one. */
  private inputsOf(forward: number): ReadonlyMap<string, InputTensor> {
    const openings = this.graph.root.nodes.filter((node) => node.op === 'forward');
    const opening = openings.find((node) => forwardOf(node) === forward);
    if (!opening) return this.runs[forward]!.inputs;
    return new Map(opening.attributes.inputs.map((name, i) => [name, this.at(opening.inputs[i]!)]));
  }

  private at(value: Value): Tensor {
    return operandTensor(value, this.graph) ?? this.known.get(value)!;
  }
}

/** What stands for the result of a function that is not called: nothing uses it. */
function nothing({ dtype, shape }: TensorType): Tensor {
  const dims = shape?.map(() => 0) ?? [0];
  return Tensor.from(dims.length === 0 ? 0 : [], dtype as 'float32', dims);
}
