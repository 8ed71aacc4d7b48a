import type { InterventionGraph } from '../graph/graph.ts';
import type { Rewritten } from '../graph/passes/pass.ts';
import { untangle } from '../graph/passes/untangle.ts';
import type { Value } from '../graph/types.ts';
import { findCycle } from '../lowering/dependencies.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import type { HostFunction } from './apply.ts';
import { Execution, type ExecutionOptions, hasGradients } from './execution.ts';
import type { ForwardRun } from './forward-run.ts';
import { LateGraph } from './late-graph.ts';
import { withoutUnreached } from './unreached.ts';

/** What a graph runs with. All values are the graph's. */
export interface TraceRunParts {
  /** The forwards, by their numbers. */
  readonly forwards: readonly ForwardRun[];
  /** The inputs of forwards that are values of the graph. */
  readonly given: ReadonlyMap<number, ReadonlyMap<string, Value>>;
  /** By the values that they give. */
  readonly functions: ReadonlyMap<Value, HostFunction>;
  /** Truth values that only the run decides: whether a generation gets to a step. */
  readonly conditions: ReadonlySet<Value>;
  /** Operands that are known only when the forwards have run. */
  readonly outcomes: ReadonlySet<Value>;
  /** What goes from forward to forward: kept, beside what is saved. */
  readonly carried: readonly Value[];
}

/** A graph with all that it needs to run, recorded here or come as data. */
export class TraceRun {
  readonly forwards: readonly ForwardRun[];
  private readonly source: InterventionGraph;
  private readonly functions: ReadonlyMap<Value, HostFunction>;
  private readonly carried: readonly Value[];
  private readonly late: LateGraph;
  /** The form in which it runs. */
  private readonly ready: Rewritten;

  /** @throws TraceError for what cannot wait for the run, and does */
  constructor(source: InterventionGraph, { forwards, given, functions, ...late }: TraceRunParts) {
    this.source = source;
    this.forwards = forwards;
    this.functions = functions;
    this.late = new LateGraph(source, late, late.carried);
    const { early } = this.late;
    const models = forwards.map(({ engine }) => engine);
    const untangled = untangle(early.graph, { cycle: (graph) => findCycle(graph, models) });
    this.ready = { graph: untangled.graph, value: (value) => untangled.value(early.value(value)) };
    this.carried = late.carried.map((value) => this.value(value));
    for (const [forward, values] of given) {
      forwards[forward]!.given = new Map(Array.from(values, ([name, value]) => [name, this.value(value)]));
    }
  }

  /** The graph that runs. */
  get graph(): InterventionGraph {
    return this.ready.graph;
  }

  /** The value of the graph that runs for one of the graph that was given. */
  value(value: Value): Value {
    return this.ready.value(value);
  }

  /** What stays from the forwards until the end. */
  get kept(): readonly Value[] {
    return this.late.kept.map((value) => this.value(value));
  }

  /** Runs the graph and gives what is saved. A value of a forward that did not run is undefined. */
  async execute(options: ExecutionOptions): Promise<(Tensor | undefined)[]> {
    const isSingle =
      this.forwards.length === 1 &&
      this.carried.length === 0 &&
      this.functions.size === 0 &&
      !hasGradients(this.ready.graph);
    if (isSingle) return this.execution(this.ready, options).single();
    return this.finish(await this.run(options), options);
  }

  /** Runs the forwards, until `options.before` says that it is enough. */
  async run(options: ExecutionOptions): Promise<Execution> {
    const execution = this.execution(this.ready, options);
    await execution.run(this.kept, this.carried);
    return execution;
  }

  /**
   * Gives what is saved, when the forwards have run.
   * @param known what is known only now, of the conditions and outcomes
   * @param isWanted whether a save comes back
   */
  async finish(
    ran: Execution,
    { signal, reuse }: ExecutionOptions,
    known: (value: Value) => AnyTensor = () => Tensor.from(true),
    isWanted: (save: number) => boolean = () => true,
  ): Promise<(Tensor | undefined)[]> {
    const { saves } = this.source;
    if (!this.late.waits) return saves.map(({ value }) => ran.tensor(this.value(value)));
    const decided = this.late.decided(known);
    const kept = this.late.kept.flatMap((value) => {
      const tensor = ran.tensor(this.value(value));
      return tensor ? [[decided.value(value), tensor] as const] : [];
    });
    const met = withoutUnreached(decided.graph, new Set(kept.map(([value]) => value)));
    const at = (value: Value) => met.value(decided.value(value));
    const rest = this.execution({ graph: met.graph, value: at }, { signal, reuse });
    for (const [value, tensor] of kept) rest.values.set(met.value(value), tensor);
    await rest.finish(saves.filter((_, i) => isWanted(i)).map(({ value }) => at(value)));
    return saves.map(({ value }) => rest.tensor(at(value)));
  }

  private execution(form: Rewritten, options: ExecutionOptions): Execution {
    const isThere = (value: Value) => form !== this.ready || !this.late.left.has(value.node!);
    const named = [...this.functions].flatMap(([value, fn]) =>
      isThere(value) ? [[form.value(value), fn] as const] : [],
    );
    return new Execution(form.graph, this.forwards, new Map(named), options);
  }
}
