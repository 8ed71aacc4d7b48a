import { TraceError } from '../errors.ts';
import type { Extract } from '../graph/extract.ts';
import { forwardOf, isHosted } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import { siteOf } from '../graph/site.ts';
import type { DType, Node, Region, Value } from '../graph/types.ts';
import { valuesIn, withRegions } from '../graph/walk.ts';
import { gradientsInBodies } from '../lowering/body-gradients.ts';
import { noEffect } from '../lowering/dependencies.ts';
import { ort } from '../ort/ort.ts';
import type { SessionTensor } from '../ort/port.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { HostFunction } from './apply.ts';
import { checkReach } from './body-reach.ts';
import { Composite, isComposite } from './composite.ts';
import type { RunOptions } from './engine.ts';
import type { ForwardRun } from './forward-run.ts';
import { Gradients, isGradientNode, type Parted } from './gradients.ts';
import { nameIteration } from './iterations.ts';
import { operandTensor, setOperand } from './operands.ts';
import { withOwnSources } from './own-sources.ts';
import { NOT_RECORDED, type Recorder, TapeRecorder } from './recorder.ts';
import { isSecondOrder } from './second-order.ts';
import { lastStage, type Stage, stagesOf, usedForwards } from './stages.ts';
import { Staging } from './staging.ts';
import { Taken } from './taken.ts';
import type { Tape } from './tape.ts';
import { Taping } from './taping.ts';
import { reachablePart, unreachedUse } from './unreached.ts';

export interface ExecutionOptions extends RunOptions {
  /** Called before a forward runs: false ends the run there. */
  readonly before?: (forward: number, values: Map<Value, Tensor>) => Promise<boolean>;
}

/** Runs an intervention graph with any number of forwards, and keeps the values that were asked for. */
export class Execution {
  /** The values that are known so far. */
  readonly values = new Map<Value, Tensor>();
  /** The values of forwards that did not run, and what was to be computed from them. */
  private readonly gone = new Set<Value>();
  private readonly graph: InterventionGraph;
  private readonly forwards: readonly ForwardRun[];
  private readonly functions: ReadonlyMap<Value, HostFunction>;
  private readonly options: ExecutionOptions;
  private readonly staging: Staging;
  /** What later stages take of earlier ones; null where a backward pass may take all. */
  private readonly taken: Taken | null;
  /** What has run so far, where the graph has a backward pass. */
  private readonly tape: Tape | null;
  private readonly recorder: Recorder;
  /** What backward passes have made: nobody else holds it. */
  private readonly made: SessionTensor[] = [];
  /** The values whose gradients are read or set. */
  private readonly targets: ReadonlySet<Value>;

  constructor(
    graph: InterventionGraph,
    forwards: readonly ForwardRun[],
    functions: ReadonlyMap<Value, HostFunction>,
    options: ExecutionOptions,
    staging = new Staging(),
  ) {
    this.staging = staging;
    this.graph = graph;
    this.forwards = forwards;
    this.functions = functions;
    this.options = options;
    this.tape = hasGradients(graph) ? [] : null;
    this.taken = this.tape ? null : new Taken(forwards);
    this.recorder = this.tape && isSecondOrder(graph) ? new TapeRecorder(this.tape) : NOT_RECORDED;
    this.targets = new Set(
      [...withRegions(graph.root.nodes)].flatMap((node) =>
        node.op === 'grad' || node.op === 'setgrad' ? [node.inputs[1]!] : [],
      ),
    );
  }

  /** Runs a graph of one forward as it is, and gives its saves. */
  async single(): Promise<Tensor[]> {
    const { graph } = this;
    const { engine, inputs } = this.forwards[0]!;
    if (graph.saves.length > 0) return engine.forms.for(graph, inputs).run(graph, inputs, this.options);
    checkEffects(graph.root.nodes);
    return [];
  }

  /** Runs a graph of which nothing waits, and gives its saves. */
  async saved(): Promise<(Tensor | undefined)[]> {
    const saved = this.graph.saves.map(({ value }) => value);
    await this.run(saved);
    return saved.map((value) => this.tensor(value));
  }

  /**
   * Runs everything that is needed, and keeps the values that are wanted. Values of forwards that `before` refused stay unknown.
   * @param carried what goes from forward to forward, and is there until it is taken
   */
  async run(wanted: readonly Value[], carried: readonly Value[] = []): Promise<void> {
    const { root } = this.graph;
    const stages = this.stagesOf(root, [...wanted, ...carried]);
    // A function of the user may keep what it is called with.
    this.taken?.plan(stages, wanted, this.functions.size === 0 ? carried : []);
    await this.region(root, wanted);
    this.free();
  }

  /** Computes what `wanted` needs of the values that are known, when all forwards have run. What has no value stays unknown. */
  async finish(wanted: readonly Value[]): Promise<void> {
    const last = lastStage(this.graph.root, wanted, new Set(this.values.keys()));
    await this.stage(last, last.nodes.flatMap(usedForwards));
  }

  /** False if the run was ended on the way. */
  private async region(region: Region, wanted: readonly Value[]): Promise<boolean> {
    for (const stage of this.stagesOf(region, wanted)) {
      if (stage.hosted && stage.saves.length > 0 && !(await this.hosted(stage.hosted))) return false;
      if (!(await this.stage(stage))) return false;
      // A key-value cache of each step of a generation would fill the memory.
      if (region === this.graph.root) this.taken?.release(stage, this.values);
    }
    return true;
  }

  private stagesOf(region: Region, wanted: readonly Value[]): readonly Stage[] {
    const { stages } = this.staging;
    const known = stages.get(region) ?? stagesOf(region, wanted, (forward) => this.forwards[forward]!.owner);
    stages.set(region, known);
    return known;
  }

  /** @param steps forwards of the main model whose modules are called on other values; they need not run for that */
  private async stage({ forward, nodes, saves }: Stage, steps: readonly number[] = []): Promise<boolean> {
    const made = new Set(nodes.flatMap(({ outputs }) => outputs));
    const wanted = saves.filter((value) => made.has(value));
    if (wanted.length === 0 && !nodes.some(({ op }) => op === 'apply')) {
      checkEffects(nodes);
      return true;
    }
    if (forward !== null && (await this.options.before?.(forward, this.values)) === false) return false;
    const isReached = this.isReached(forward);
    if (forward !== null && isReached) this.takeInputs(this.forwards[forward]!);
    if (!isReached || nodes.some((node) => usesOf(node).some((value) => this.gone.has(value)))) {
      await this.around(forward, nodes, wanted, isReached);
      return true;
    }
    const parted = this.staging.partAt(nodes);
    if (parted) await this.withGradients(forward, parted, wanted, steps);
    else await this.compute(forward, nodes, wanted, steps);
    return true;
  }

  /**
   * Whether a forward is to run. One that is not reached runs nevertheless where a gradient is taken: the pass goes back
   * through all forwards.
   */
  private isReached(forward: number | null): boolean {
    return forward === null || this.tape !== null || (this.forwards[forward]!.isReached?.() ?? true);
  }

  /** Computes of a stage what needs no value of a forward that did not run. The rest will not be there. */
  private async around(
    forward: number | null,
    nodes: readonly Node[],
    wanted: readonly Value[],
    isReached: boolean,
  ): Promise<void> {
    for (const node of isReached ? [] : nodes) {
      const given = node.op === 'apply' && this.functions.get(node.outputs[0]!)?.unreached;
      if (given) this.values.set(node.outputs[0]!, given() as Tensor);
    }
    const left = nodes.filter(({ outputs }) => outputs.length === 0 || !outputs.every((one) => this.values.has(one)));
    const asked = wanted.filter((value) => !this.values.has(value));
    await this.compute(forward, left, asked, [], isReached);
  }

  /** Makes the inputs of a forward that are values of the graph. */
  private takeInputs(run: ForwardRun): void {
    if (!run.prepare) return;
    run.inputs = run.prepare(new Map(Array.from(run.given ?? [], ([name, value]) => [name, this.at(value)])));
  }

  /** Runs a stage with backward passes in it. */
  private async withGradients(
    forward: number | null,
    { forward: nodes, derived }: Parted,
    wanted: readonly Value[],
    steps: readonly number[],
  ): Promise<void> {
    const made = new Set(nodes.flatMap(({ outputs }) => outputs));
    const used = new Set([...wanted, ...derived.flatMap(usesOf)].filter((value) => made.has(value)));
    await this.compute(forward, nodes, [...used], steps);
    const gradients = new Gradients({
      nodes: derived,
      tape: this.tape!,
      recorder: this.recorder,
      made: this.made,
      at: (value) => this.values.get(value) ?? operandTensor(value, this.graph),
      set: (value, tensor) => this.values.set(value, tensor),
      compute: (some, values) => this.compute(forward, some, values, steps),
    });
    await gradients.settle(wanted.filter((value) => !made.has(value)));
    for (const stats of gradients.stats()) await this.options.onStats?.(stats);
  }

  /** Gives back what was kept for backward passes, when there are no more. */
  private free(): void {
    const kept = (this.tape ?? []).flatMap((entry) => (entry.kind === 'run' ? entry.own : []));
    for (const tensor of [...kept, ...this.made]) ort.free(tensor);
  }

  /** Runs nodes in one go, and keeps the values that are wanted of them. */
  private async compute(
    forward: number | null,
    given: readonly Node[],
    wanted: readonly Value[],
    steps: readonly number[],
    isReached = true,
  ): Promise<void> {
    const nodes = isReached ? withOwnSources(given, this.graph.root.nodes, this.targets) : given;
    const main = forward ?? 0;
    const attached = nodes.filter((node) => node.op === 'forward').map(forwardOf);
    const numbers = new Map([
      ...steps.map((step) => [step, 0] as const),
      ...[main, ...attached].map((number, i) => [number, i] as const),
    ]);
    const whole = this.staging.extract(this.graph, nodes, wanted, numbers);
    checkReach(
      this.graph,
      nodes,
      this.forwards.map(({ engine }) => engine),
    );
    const gone = new Set<Value>();
    for (const { value, operand } of whole.outer) {
      if (this.gone.has(value)) gone.add(operand.outputs[0]!);
      else setOperand(whole.graph, operand, this.at(value));
    }
    const own = isReached && gone.size === 0 ? whole : reachablePart(whole, gone, isReached ? 0 : null);
    const made = wanted.filter((value) => own.values.has(value));
    for (const value of wanted) if (!own.values.has(value)) this.gone.add(value);
    if (made.length === 0 && !own.graph.root.nodes.some(({ op }) => op === 'apply')) return;
    const runs = [main, ...attached].map((number) => this.forwards[number]!);
    const { inputs, given: named = new Map(), alike } = runs[0]!;
    const options = { ...this.options, runs: alike };
    const engine = runs[0]!.engine.forms.for(own.graph, inputs);
    const taping = this.tape && new Taping(this.tape, isComposite(nodes) ? own.values : new Map(), this.targets);
    const tensors = isComposite(nodes)
      ? await new Composite(own.graph, runs, this.functionsIn(own), this.options, taping).run()
      : await engine.run(own.graph, inputs, taping?.run(engine, own, wanted, named, options) ?? options);
    made.forEach((value, i) => {
      this.values.set(value, tensors[i]!);
    });
  }

  /** The functions of the user by what they give in a graph that was extracted from this one. */
  private functionsIn({ values }: Extract): ReadonlyMap<Value, HostFunction> {
    return new Map(
      [...this.functions].flatMap(([made, fn]) => {
        const copy = values.get(made);
        return copy ? [[copy, fn] as const] : [];
      }),
    );
  }

  /** A conditional or loop around whole traces. */
  private async hosted(node: Node): Promise<boolean> {
    if (node.op === 'if') {
      const body = node.regions[this.at(node.inputs[0]!).item() ? 0 : 1]!;
      if (!(await this.region(body, this.needed(body)))) return false;
      this.pass(node.outputs, body.results);
      this.link(node.outputs, body.results);
      return true;
    }
    const [trip, first, ...initial] = node.inputs.map((value) => this.at(value));
    const body = node.regions[0]!;
    let carried = initial;
    let sources: readonly Value[] = node.inputs.slice(2);
    let goOn = Boolean(first!.item());
    for (let index = 0; index < Number(trip!.item()) && goOn; index++) {
      for (const value of valuesIn(body)) {
        this.values.delete(value);
        this.gone.delete(value);
      }
      this.assign(body.parameters, [Tensor.from(index, 'int64' as DType as 'float32'), ...carried]);
      const start = this.tape?.length ?? 0;
      this.link(body.parameters.slice(1), sources);
      if (!(await this.region(body, this.needed(body)))) return false;
      const [test, ...next] = body.results.map((value) => this.at(value));
      goOn = Boolean(test!.item());
      carried = next;
      sources = nameIteration(this.tape ?? [], start, body, body.results.slice(1));
    }
    this.assign(node.outputs, carried);
    this.link(node.outputs, sources);
    return true;
  }

  /** What a body around traces gives, and what the traces in it take of one another. */
  private needed(body: Region): Value[] {
    const made = new Set(valuesIn(body));
    const taken = this.forwards.flatMap(({ given }) => [...(given?.values() ?? [])]);
    return [...body.results, ...taken.filter((value) => made.has(value))];
  }

  /** Notes for backward passes that values are others, by another name. */
  private link(values: readonly Value[], others: readonly Value[]): void {
    values.forEach((value, i) => {
      this.tape?.push({ kind: 'sum', value, inputs: [others[i]!], isTransposed: false });
    });
  }

  /** Gives values what others are, if these are there. */
  private pass(values: readonly Value[], others: readonly Value[]): void {
    others.forEach((other, i) => {
      if (this.gone.has(other)) this.gone.add(values[i]!);
      else this.values.set(values[i]!, this.at(other));
    });
  }

  private assign(values: readonly Value[], tensors: readonly Tensor[]): void {
    values.forEach((value, i) => {
      this.values.set(value, tensors[i]!);
    });
  }

  /** What a value of the graph is, as far as it is known. */
  tensor(value: Value): Tensor | undefined {
    return this.values.get(value) ?? operandTensor(value, this.graph);
  }

  private at(value: Value): Tensor {
    const tensor = this.tensor(value);
    if (tensor) return tensor;
    if (this.gone.has(value)) throw unreachedUse(value.node && siteOf(value.node));
    throw new TraceError('A value of a later forward pass is used in an earlier one.', value.node?.site ?? null);
  }
}

/** Whether a graph has a backward pass through whole forwards: what a branch or loop in a forward has, its model does itself. */
export function hasGradients({ root }: InterventionGraph): boolean {
  return (
    root.nodes.some(isGradientNode) || root.nodes.some((node) => isHosted(node) && gradientsInBodies(node).length > 0)
  );
}

/** Throws a TraceError for a write among nodes of which nothing is saved. */
function checkEffects(nodes: readonly Node[]): void {
  for (const node of nodes) if (node.op === 'write' && !node.attributes.lenient) throw noEffect(node);
}
