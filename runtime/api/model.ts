import { TraceError } from '../errors.ts';
import { Engine } from '../execution/engine.ts';
import { ReuseScope } from '../execution/reuse.ts';
import type { RunStats } from '../execution/stats.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { GraphError } from '../graph/json.ts';
import { type Inputs, prepareInputs } from '../inputs/prepare.ts';
import { joinRows } from '../inputs/rows.ts';
import { formatTree } from '../modules/format.ts';
import { ort } from '../ort/ort.ts';
import type { Device } from '../ort/port.ts';
import { Tensor } from '../tensor/tensor.ts';
import { callerSite, laterSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { printLines } from '../tracing/logs.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import { save } from '../tracing/saves.ts';
import type { Backend, ReceivedRequest } from '../types/backend.ts';
import type { InputHooks } from '../types/input-hooks.ts';
import { checkStandIns, startOf } from './activations.ts';
import { givenAt, placed } from './at-caller.ts';
import { ExecutionBackend } from './backend.ts';
import { type Block, checkCompiled, checkOutside } from './blocks.ts';
import { callModel } from './call-model.ts';
import { Envoy } from './envoy.ts';
import { Invokes } from './invokes.ts';
import type { ModelMap, Shapes } from './locate.ts';
import { type ModelMembers, moduleProxy } from './module-proxy.ts';
import { writeTensor } from './module-tensors.ts';
import { aliasesOf, type Rename } from './rename.ts';
import { describeTypes } from './scan.ts';
import { Session } from './session.ts';
import { declaredShapes, shapesFor } from './shapes.ts';
import { Tracer } from './tracer.ts';
import { type Traceable, Tracing } from './tracing.ts';

export interface LoadOptions {
  /** Where to run: `auto` (the default) takes the best that works. */
  readonly device?: 'auto' | Device;
  /**
   * Whether a block that runs often becomes one session, in another thread, which takes the model's weights into memory
   * once more. On `cpu` and `cuda`, for models that are cut at their layers.
   */
  readonly fuse?: boolean;
  /** Other names for modules: `{ 'transformer.h': 'layers', mlp: 'feedForward' }`. The old names stay. */
  readonly rename?: Rename;
  /** Own ways to prepare inputs and to batch them. */
  readonly inputHooks?: InputHooks;
}

/** How one trace is run. */
export interface TraceOptions {
  /** What runs the graph: this process unless given. */
  readonly backend?: Backend;
  /** Ends the run between two segments of the model: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** What runs of one scope have computed on the same inputs is not computed again. */
  readonly reuse?: ReuseScope;
  /** Told what was compiled, run, reused and skipped, and how long it took: once for each run of a model. */
  readonly onStats?: (stats: RunStats) => void;
  /** Told after each segment and intervention how many of the run have ended, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A loaded model: what `NNsight.load` gives, in front of its module tree. */
export class Model implements ModelMembers, Traceable {
  readonly map: ModelMap;
  /** Where the model runs. */
  readonly device: Device;
  readonly engine: Engine;
  private readonly options: LoadOptions;
  /** Blocks that run at the beginning of every trace. */
  private edits: readonly Block<[]>[] = [];

  constructor(map: ModelMap, device: Device, options: LoadOptions) {
    this.map = map;
    this.device = device;
    this.options = options;
    this.engine = this.newEngine(device);
  }

  static async open(map: ModelMap, options: LoadOptions): Promise<Model> {
    return new Model(map, await ort.chooseDevice(options.device ?? 'auto'), options);
  }

  toString(): string {
    return formatTree(this.map.tree);
  }

  /** The model with its modules in one object, as users hold it. */
  asModule(): unknown {
    const aliases = aliasesOf(this.map, this.options.rename ?? {});
    return moduleProxy(new Envoy(this.map, ''), this, aliases);
  }

  /** The same model on another device. Its modules are the same; edits come along. */
  async to(device: 'auto' | Device): Promise<unknown> {
    const other = this.copy();
    const found = await ort.chooseDevice(device);
    Object.assign(other, { device: found, engine: this.newEngine(found) });
    return other.asModule();
  }

  /**
   * Runs the model once. With a block, the block's interventions stand inside the model's graph, and what it returns
   * comes back with a tensor for every saved value; without one, all outputs come back by name. Without inputs, the
   * block gives them by `tracer.invoke`.
   */
  trace(inputs: unknown, block?: Block | TraceOptions, options: TraceOptions = {}): Promise<unknown> {
    checkOutside('A trace');
    return this.runTrace(inputs, block, options);
  }

  private async runTrace(inputs: unknown, block: Block | TraceOptions | undefined, options: TraceOptions) {
    if (typeof inputs === 'function') return this.run(await this.traceInvokes(inputs as Block), block as TraceOptions);
    if (typeof block !== 'function') return this.run(await this.traceOne(inputs), block);
    checkCompiled(block);
    return this.run(await this.traceOne(inputs, block), options);
  }

  /** Shapes and dtypes of what a block returns, without running anything. The values need not be saved. */
  async scan(inputs: unknown, block: Block): Promise<unknown> {
    checkCompiled(block);
    let described: unknown;
    await this.traceOne(inputs, (tracer) => {
      described = describeTypes(block(tracer));
    });
    return described;
  }

  /** The intervention graph of a block, which is checked but not run: print it, or send it as data. */
  async graph(inputs: unknown, block: Block): Promise<InterventionGraph> {
    checkCompiled(block);
    return (await this.traceOne(inputs, block)).tracing.graph;
  }

  /**
   * Runs a graph that came as data, of the same model: the tensors of its saves, in order. Throws a GraphError for
   * modules that are not there.
   */
  async execute({ graph, inputs, model }: ReceivedRequest): Promise<Tensor[]> {
    if (model !== this.map.model.hash) {
      throw new GraphError(`The graph was made for another model than ${this.map.model.path} (their hashes differ).`);
    }
    for (const [i, node] of graph.root.nodes.entries()) {
      if (node.op !== 'read' && node.op !== 'write' && node.op !== 'call') continue;
      try {
        this.map.locate(node.attributes);
      } catch (error) {
        throw new GraphError(`root.nodes[${i}]: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
    const prepared = prepareInputs(this.map.model, Object.fromEntries(inputs) as Inputs);
    return this.engine.run(graph, prepared);
  }

  /** Runs several traces as one unit: values of one can be used in another, and nothing runs before all are known. */
  session(block: Block<[Session]>, options: TraceOptions = {}): Promise<unknown> {
    checkOutside('A session');
    return this.runSession(block, options);
  }

  private async runSession(block: Block<[Session]>, options: TraceOptions) {
    checkCompiled(block);
    await this.prepareFormulas();
    const tracing = new Tracing();
    const session = new Session(this, tracing);
    const results = tracing.build(() => block(session));
    return this.run({ tracing, results }, { reuse: new ReuseScope(), ...options });
  }

  /**
   * A copy of the model with a block's interventions built in: they happen in every trace, invoke and generation. With
   * `inplace`, this very model gets them. Edits add up.
   */
  edit(block: Block<[]>, { inplace = false }: { inplace?: boolean } = {}): unknown {
    checkCompiled(block);
    const target = inplace ? this : this.copy();
    target.edits = [...this.edits, block];
    return target.asModule();
  }

  /** Takes out all edits of this model. */
  clearEdits(): void {
    this.edits = [];
  }

  /** Runs the whole model on values of a trace that runs now: of this model, or of another one that this is attached to. */
  forward(values: readonly unknown[]): TensorProxy {
    const envoy = new Envoy(this.map, '');
    return envoy.isTraced() ? envoy.forward(values) : callModel(this, values);
  }

  /** An entry point that was given on loading, as a function that traces. */
  method(name: string): ((...values: unknown[]) => Promise<unknown>) | undefined {
    const toInputs = this.options.inputHooks?.methods?.[name];
    if (!toInputs) return undefined;
    return (...values) => {
      const block = typeof values.at(-1) === 'function' ? (values.pop() as Block) : undefined;
      return this.trace(toInputs(...(values as never[])), block);
    };
  }

  /** Opens a forward, with the edits of this model in it. */
  openForward(tracing: Tracing, shapes: Shapes, inputs: ReadonlyMap<string, Tensor>): TracedForward {
    const forward = tracing.openForward(this, shapes, inputs);
    tracing.builder.inForward(forward, () => {
      for (const edit of this.edits) edit();
    });
    forward.endEdits();
    return forward;
  }

  /** What a user gives as inputs, by the names of the model's inputs: the same for one trace and for invokes. */
  prepare(inputs: unknown): Inputs {
    const own = this.options.inputHooks?.prepareInputs;
    return own ? own(inputs) : this.toInputs(inputs);
  }

  /** Several inputs as one. */
  batch(list: readonly Inputs[]): Inputs {
    const own = this.options.inputHooks?.batch;
    return own ? own(list) : this.joinInputs(list);
  }

  protected toInputs(inputs: unknown): Inputs {
    const isData = Array.isArray(inputs) || ArrayBuffer.isView(inputs) || inputs instanceof Tensor;
    if (isData) return { [this.map.model.inputs[0]!.name]: inputs as never };
    if (typeof inputs === 'string') {
      throw new TraceError('A text needs a tokenizer: load the model with LanguageModel.load(folder).', callerSite());
    }
    return inputs as Inputs;
  }

  protected joinInputs(list: readonly Inputs[]): Inputs {
    return joinRows(list);
  }

  /** Whether inputs of different lengths can be batched, so that a trace of invokes can't know sizes in advance. */
  get pads(): boolean {
    return this.options.inputHooks?.batch !== undefined;
  }

  /** Makes sure that shapes can be told at once, for blocks that open forwards while they run. */
  async prepareFormulas(): Promise<void> {
    await this.map.symbolic();
    for (const attached of this.map.attached.values()) await (attached as { map: ModelMap }).map.symbolic();
  }

  /** Builds a trace of inputs that are given. */
  private async traceOne(inputs: unknown, block?: Block): Promise<Traced> {
    const site = laterSite();
    const given = givenAt(site, () => this.prepare(inputs));
    const start = await startOf(this.map, given).catch((error) => {
      throw placed(error, site);
    });
    const isPlain = !block && this.edits.length === 0 && start.activations.length === 0;
    // What is only run needs no shapes of its inner tensors.
    const shapes = (isPlain && declaredShapes(this.map)) || (await this.shapes(start.inputs));
    const tracing = new Tracing();
    const tracer = new Tracer(tracing);
    const results = tracing.build(() => {
      const forward = this.openForward(tracing, shapes, start.inputs);
      return tracing.builder.inForward(forward, () => {
        for (const { address, value } of start.activations) writeTensor(forward, address, value);
        return block ? block(tracer) : this.rawOutputs();
      });
    });
    checkStandIns(this.map, tracing.graph, start.standIns);
    return { tracing, results };
  }

  private async shapes(inputs: ReadonlyMap<string, Tensor>): Promise<Shapes> {
    await this.prepareFormulas();
    return shapesFor(this.map, inputs);
  }

  private async traceInvokes(block: Block): Promise<Traced> {
    checkCompiled(block);
    const site = laterSite();
    await this.prepareFormulas();
    const tracing = new Tracing();
    const invokes = new Invokes(this, tracing, site);
    const results = tracing.build(() => invokes.build(block));
    return { tracing, results };
  }

  private rawOutputs(): Record<string, unknown> {
    const { outputs } = new Envoy(this.map, '');
    return Object.fromEntries(outputs.map((output, i) => [this.map.model.outputs[i]!.name, save(output)]));
  }

  private async run({ tracing, results }: Traced, { backend = new ExecutionBackend(), ...options }: TraceOptions = {}) {
    options.signal?.throwIfAborted();
    const tensors = await backend.run({
      graph: tracing.graph,
      inputs: Object.fromEntries(tracing.runs[0]?.inputs ?? []) as Record<string, Tensor>,
      model: this.map.model,
      execute: () => tracing.execute(options),
    });
    const resolved = results.resolve(tensors);
    printLines(tracing.builder);
    return resolved;
  }

  private newEngine(device: Device): Engine {
    const { model, tree, locate } = this.map;
    return new Engine(model, device, locate, { tree, fuse: this.options.fuse ?? false });
  }

  private copy(): Model {
    return Object.assign(Object.create(Object.getPrototypeOf(this)) as Model, this);
  }
}

/** A graph that was built, and what is to come back. */
interface Traced {
  readonly tracing: Tracing;
  readonly results: { resolve(tensors: readonly (Tensor | undefined)[]): unknown };
}
