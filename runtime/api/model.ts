import { TraceError } from '../errors.ts';
import { GraphError } from '../graph/error.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { ort } from '../ort/ort.ts';
import type { Device } from '../ort/port.ts';
import type { Returned, Tensor } from '../tensor/tensor.ts';
import { callerSite } from '../tracing/caller.ts';
import { pure } from '../tracing/harmless.ts';
import type { ReceivedRequest } from '../types/backend.ts';
import type { InputHooks } from '../types/input-hooks.ts';
import type {
  Described,
  EditOptions,
  ExecuteOptions,
  ModelInputs,
  ModelMembers,
  TraceOptions,
} from '../types/model.ts';
import type { Loose } from '../types/module.ts';
import type { Session } from '../types/session.ts';
import type { Resolved, Traced } from '../types/tensor.ts';
import type { Tracer } from '../types/tracer.ts';
import { type Block, checkCompiled, checkOutside, isBlock } from './blocks.ts';
import { callModel } from './call-model.ts';
import { executeRequest } from './execute-request.ts';
import type { LoadedModel } from './loaded-model.ts';
import { envoyOf, type Members, ModuleEnvoy } from './module-envoy.ts';
import { FLAG } from './option-kinds.ts';
import { checkNoMore, checkOptions, EXECUTE_OPTIONS } from './options.ts';
import { ANYWHERE, type Standing } from './place.ts';
import { buildInvokes, buildSession, buildTrace, checkTraceOptions, runSession, runTrace } from './run-trace.ts';
import { describeTypes } from './scan.ts';
import type { ReadSettings } from './session.ts';
import { inTurn } from './turns.ts';

/** What runs of a model that a user holds; null if it is none. */
function runnable(given: unknown): LoadedModel | null {
  const envoy = envoyOf(given);
  return envoy instanceof Model ? envoy.loadedModel : null;
}

/** The members that need the model's sessions. */
const RUNNING: ReadonlySet<string> = new Set([
  'edit',
  'execute',
  'generate',
  'graph',
  'scan',
  'session',
  'to',
  'trace',
]);

/**
 * The object behind a model as users hold it (a `Whole`): its root module, and the methods of the whole model.
 * `Input` is the type of its inputs.
 */
export class Model<Input = ModelInputs, Whole extends ModelMembers<Input> = ModelMembers<Input>>
  extends ModuleEnvoy
  implements Members<ModelMembers<Input>>
{
  protected readonly loaded: LoadedModel;
  protected readonly methods: InputHooks['methods'];

  constructor(loaded: LoadedModel, methods: InputHooks['methods'] = {}, standing = ANYWHERE) {
    super(loaded.map, '', standing);
    this.loaded = loaded;
    this.methods = methods;
  }

  /** The model behind it. */
  get loadedModel(): LoadedModel {
    return this.loaded;
  }

  /** Where the model runs. */
  get device(): Device {
    return this.loaded.engine.device;
  }

  /** The model with its modules in one object, as users hold it. */
  get whole(): Whole & Loose {
    return this.proxy as Whole & Loose;
  }

  /**
   * Gives back the memory of the model's sessions at once, those of its edited copies too; a later use is an error.
   * Without it garbage collection does, some time after nobody holds the model.
   */
  release(...rest: readonly never[]): Promise<void> {
    checkNoMore('release()', rest);
    return this.loaded.release();
  }

  [Symbol.dispose](): void {
    void this.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  override symbol(key: symbol): unknown {
    if (key === Symbol.dispose) return pure(() => this[Symbol.dispose]());
    if (key === Symbol.asyncDispose) return pure(() => this[Symbol.asyncDispose]());
    return super.symbol(key);
  }

  /** The same model on another device. Its modules are the same; edits come along. */
  async to(device: 'auto' | Device): Promise<Whole> {
    return this.with(this.loaded.copy(await ort.chooseDevice(device))).whole;
  }

  /**
   * Runs the model once. With a block, the block's interventions stand inside the model's graph, and what it returns
   * comes back with a tensor for every saved value; without one, all outputs come back by name. Without inputs, the
   * block gives them by `tracer.invoke`.
   */
  trace(inputs: Input, options?: TraceOptions): Promise<Record<string, Returned>>;
  trace<const R>(inputs: Input, block: (tracer: Tracer<Input>) => R, options?: TraceOptions): Promise<Resolved<R>>;
  trace<const R>(block: (tracer: Tracer<Input>) => R, options?: TraceOptions): Promise<Resolved<R>>;
  trace(inputs: unknown, block?: Block | TraceOptions, options?: TraceOptions, ...rest: unknown[]): Promise<unknown> {
    checkOutside('A trace');
    const [last, further] = typeof block === 'function' ? [options, rest] : [block, [options, ...rest]];
    // A block in the place of the options has an error of its own.
    if (typeof further[0] !== 'function') checkNoMore(`trace(…${last === undefined ? '' : ', options'})`, further);
    return this.#trace(inputs, block, options);
  }

  async #trace(inputs: unknown, block?: Block | TraceOptions, options?: TraceOptions): Promise<unknown> {
    checkTraceOptions('trace', typeof block === 'function' || typeof options === 'function' ? options : block);
    const model = this.loaded;
    if (typeof block === 'function') {
      checkCompiled(block);
      return inTurn(
        (turn) => buildTrace(model, inputs, block, turn),
        (built) => runTrace(model, built, options),
      );
    }
    if (!isBlock(inputs)) return runTrace(model, await buildTrace(model, inputs, null), block);
    checkCompiled(inputs);
    return inTurn(
      (turn) => buildInvokes(model, inputs, turn),
      (built) => runTrace(model, built, block),
    );
  }

  /** Dtypes and dims of what a block returns, saved or not, without running anything. */
  scan<const R>(inputs: Input, block: (tracer: Tracer<Input>) => R): Promise<Described<R>>;
  async scan(inputs: unknown, block: Block, ...rest: unknown[]): Promise<unknown> {
    checkNoMore('scan(inputs, block)', rest);
    checkCompiled(block);
    let described: unknown;
    await buildTrace(this.loaded, inputs, (tracer) => {
      described = describeTypes(block(tracer));
    });
    return described;
  }

  /** The intervention graph of a block, which is checked but not run: print it, or send it as data. */
  graph(inputs: Input, block: (tracer: Tracer<Input>) => unknown): Promise<InterventionGraph>;
  async graph(inputs: Input, block: Block, ...rest: unknown[]): Promise<InterventionGraph> {
    checkNoMore('graph(inputs, block)', rest);
    checkCompiled(block);
    return (await buildTrace(this.loaded, inputs, block)).graph;
  }

  /**
   * Runs a graph of the same model that came as data: the tensors of its saves, in order. Throws a GraphError for
   * modules that are not there.
   */
  async execute(
    request: ReceivedRequest,
    options: ExecuteOptions = {},
    ...rest: readonly never[]
  ): Promise<(Tensor | undefined)[]> {
    checkNoMore('execute(request, options)', rest);
    checkOptions('execute', options, EXECUTE_OPTIONS);
    if (!(request?.inputs instanceof Map)) {
      throw new GraphError('execute takes a request that was read: model.execute(requestFromBytes(bytes)).');
    }
    const { model } = request;
    const { map, edits } = this.loaded;
    if (edits.length > 0) {
      throw new GraphError(
        'The model has edits, and a request says itself all that is to happen. Run it on the model without edits.',
      );
    }
    if (model !== map.model.hash) {
      throw new GraphError(
        `The request was made for another model, whose hash is '${model}'; that of this one is ${map.model.hash}.`,
      );
    }
    const { attached, ...others } = options;
    return executeRequest(request, this.loaded, async (hash) => runnable(await attached?.(hash)), others);
  }

  /** Runs several traces as one: values of one can be used in another, and nothing runs before all are known. */
  session<const R>(block: (session: Session<Input>) => R, options?: TraceOptions): Promise<Resolved<R>>;
  session(
    block: (session: Session<Input>) => unknown,
    options: TraceOptions = {},
    ...rest: unknown[]
  ): Promise<unknown> {
    checkOutside('A session');
    checkNoMore('session(block, options)', rest);
    return this.#session(block, options);
  }

  async #session(block: (session: Session<Input>) => unknown, options: TraceOptions): Promise<unknown> {
    checkTraceOptions('session', options);
    checkCompiled(block);
    return inTurn(
      (turn) => buildSession(this.loaded, block, this.generating, turn),
      (built) => runSession(this.loaded, built, options),
    );
  }

  /** Reads the options of a generation; null if the model is no language model. */
  protected get generating(): ReadSettings | null {
    return null;
  }

  /**
   * A copy of the model with a block's interventions built in: they happen in every trace, invoke and generation. With
   * `inplace`, this very model gets them. Edits add up.
   */
  edit(block: () => void, options: EditOptions = {}, ...rest: readonly never[]): Whole {
    checkNoMore('edit(block, options)', rest);
    checkCompiled(block);
    checkOptions('edit', options, { inplace: FLAG });
    const { inplace = false } = options;
    const edited = inplace ? this.loaded : this.loaded.copy();
    edited.addEdit(block);
    return inplace ? this.whole : this.with(edited).whole;
  }

  /** Takes out all edits of this model. */
  clearEdits(...rest: readonly never[]): void {
    checkNoMore('clearEdits()', rest);
    this.loaded.clearEdits();
  }

  override next(steps = 1): Whole & Loose {
    super.next(steps);
    return this.whole;
  }

  /** Runs the whole model on values of the current trace: of this model, or of a model that this one is attached to. */
  override call(values: readonly unknown[]): Traced {
    this.#checkHeld();
    return this.isTraced() ? super.call(values) : callModel(this.loaded, values, this.standing.place);
  }

  /** A member, or an entry point that was given at loading, as a function that traces. */
  override member(name: string): unknown {
    if (RUNNING.has(name)) this.#checkHeld();
    const methods = this.methods ?? {};
    const toInputs = Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (!toInputs) return super.member(name);
    return pure((...values: never[]) => {
      const block = values.at(-1);
      const inputs = toInputs(...(typeof block === 'function' ? values.slice(0, -1) : values));
      return this.#trace(inputs, typeof block === 'function' ? block : undefined);
    });
  }

  #checkHeld(): void {
    const { engine, map } = this.loaded;
    if (!engine.isReleased) return;
    throw new TraceError(`${map.model.path} was released, so nothing runs on it. Load the model again.`, callerSite());
  }

  /** The same members in front of another model. */
  protected with(loaded: LoadedModel, standing = ANYWHERE): Model<Input, Whole> {
    return new Model(loaded, this.methods, standing);
  }

  override at(standing: Standing): Model<Input, Whole> {
    return this.with(this.loaded, standing);
  }
}
