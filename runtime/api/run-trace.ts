import { ReuseScope } from '../execution/reuse.ts';
import { refusalOf } from '../shapes/refusal.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { callerSite, laterSite } from '../tracing/caller.ts';
import { watchTensors } from '../tracing/watched-tensors.ts';
import type { TraceOptions } from '../types/model.ts';
import { checkStandIns, startOf } from './activations.ts';
import { checkAnswer } from './answer.ts';
import { givenAt, placedLater } from './at-caller.ts';
import { ExecutionBackend, ModelIdentity } from './backend.ts';
import type { Block } from './blocks.ts';
import { chosenBackend } from './chosen-backend.ts';
import { type BuiltTrace, finishTrace } from './finish-trace.ts';
import { Invokes } from './invokes.ts';
import type { LoadedModel } from './loaded-model.ts';
import { readableOutputs } from './model-outputs.ts';
import { writeTensor } from './module-tensors.ts';
import { checkOptions, TRACE_OPTIONS } from './options.ts';
import { RecordedTrace } from './recorded-trace.ts';
import { type ReadSettings, Session } from './session.ts';
import { declaredShapes, shapesFor } from './shapes.ts';
import { Tracer } from './tracer.ts';
import { Tracing } from './tracing.ts';
import { Turn } from './turns.ts';

/** Checks the options of a trace or session. Throws a TraceError at the user's line. */
export function checkTraceOptions(call: string, options: TraceOptions | undefined): void {
  checkOptions(call, options, TRACE_OPTIONS);
  if (options) chosenBackend(call, options);
}

/**
 * Builds a trace of inputs that are given; without a block all outputs of the model are saved.
 * @param turn of a trace that is to run; null where the graph is looked at
 */
export async function buildTrace(
  model: LoadedModel,
  inputs: unknown,
  block: Block | null,
  turn: Turn | null = null,
): Promise<BuiltTrace> {
  const { map } = model;
  const begin = (given: unknown) => startOf(map, model.inputs.prepare(given));
  const begun = givenAt(callerSite, () => model.inputs.read?.(inputs)?.then(begin) ?? begin(inputs));
  const site = begun instanceof Promise ? laterSite() : null;
  const start = begun instanceof Promise ? await placedLater(begun, site!) : begun;
  const isWhole = start.standIns.length + start.activations.length === 0;
  const found = turn && block && isWhole ? await turn.build(() => model.blocks.find(block, start.inputs, model)) : null;
  if (found) return found;
  const isPlain = !block && model.edits.length === 0 && start.activations.length === 0;
  // A model that is only run needs no shapes of its inner tensors.
  const declared = isPlain ? declaredShapes(map) : null;
  const shapes = declared ?? (await shapesFor(map, start.inputs));
  const record = (): RecordedTrace => {
    const recording = turn && block && isWhole ? model.blocks.prepare(block, start.inputs, model) : null;
    const tracing = new Tracing();
    const tracer = new Tracer(tracing);
    const build = () =>
      tracing.build(() => {
        const forward = model.openForward(tracing, shapes, start.inputs);
        return tracing.builder.inForward(forward, () => {
          if (start.activations.length > 0) tracing.builder.site = site!();
          for (const { address, value } of start.activations) writeTensor(forward, address, value);
          return block ? block(tracer) : readableOutputs(forward);
        });
      });
    if (recording) tracing.builder.guarded = recording.holders;
    const results = recording ? watchTensors(recording, build) : build();
    const built = new RecordedTrace(tracing, results, declared !== null);
    recording?.recorded();
    if (recording) built.whenDone = () => recording.done(built);
    return built;
  };
  const built = block ? await (turn ?? new Turn()).build(record) : record();
  checkStandIns(map, built.graph, start.standIns);
  return built;
}

/** Builds a trace whose block gives the inputs. */
export async function buildInvokes(model: LoadedModel, block: Block, turn: Turn): Promise<BuiltTrace> {
  const site = laterSite();
  await model.map.symbolic();
  return turn.build(() => {
    const tracing = new Tracing();
    const invokes = new Invokes(model, tracing, site);
    return new RecordedTrace(
      tracing,
      tracing.build(() => invokes.build(block)),
    );
  });
}

/** Builds several traces as one. */
export async function buildSession(
  model: LoadedModel,
  block: Block<[Session]>,
  generating: ReadSettings | null,
  turn: Turn,
): Promise<BuiltTrace> {
  await (generating ? model.symbolic() : model.map.symbolic());
  return turn.build(() => {
    const tracing = new Tracing();
    const session = new Session(model, tracing, generating);
    return new RecordedTrace(
      tracing,
      tracing.build(() => block(session)),
    );
  });
}

/** Runs what was built, and gives the user's own structure with tensors in it. */
export async function runTrace(
  { map }: LoadedModel,
  built: BuiltTrace,
  { backend: given, remote, ...options }: TraceOptions = {},
  ownReuse?: ReuseScope,
): Promise<unknown> {
  return finishTrace(built, async () => {
    options.signal?.throwIfAborted();
    const chosen = chosenBackend('trace', { ...(given && { backend: given }), ...(remote && { remote }) });
    const backend = chosen ?? new ExecutionBackend();
    const { graph, course } = built.sent;
    const answer = await backend.run({
      graph,
      course,
      inputs: built.inputs,
      model: new ModelIdentity(map.model),
      signal: options.signal,
      onProgress: options.onProgress,
      onToken: built.onToken,
      onStats: options.onStats,
      reuse: options.reuse,
      execute: () => built.execute({ reuse: ownReuse, ...options }),
    });
    // Of a file that declares an output as another type than it has, ONNX Runtime says so when it loads it whole.
    const isOther = (tensor: Tensor | undefined, i: number) =>
      tensor && tensor.dtype !== graph.saves[i]!.value.type.dtype;
    const refusal = !chosen && answer.some(isOther) ? await refusalOf(map.model) : null;
    if (refusal) throw refusal;
    return checkAnswer(graph, answer, { sizes: chosen !== null || !built.isDeclared, own: chosen === null });
  });
}

/** Runs a session, whose traces share what they have in common. */
export function runSession(model: LoadedModel, built: BuiltTrace, options: TraceOptions): Promise<unknown> {
  return runTrace(model, built, options, new ReuseScope());
}
