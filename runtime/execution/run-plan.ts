import type { OnnxValue, Tensor as OrtTensor } from 'onnxruntime-node';
import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { OnnxModel } from '../onnx/read.ts';
import { copyOrt, fromOrt, type SessionPlace, toOrt } from '../ort/session.ts';
import { pieceForWebGpu } from '../ort/webgpu-limits.ts';
import { type Piece, type Plan, type Step, withSites } from '../partition/plan.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ReuseScope } from './reuse.ts';
import { runError } from './run-error.ts';
import type { StepStats } from './stats.ts';

/** A compiled piece, in this thread or another one. */
export interface Runnable {
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    names: readonly string[],
  ): Promise<Readonly<Record<string, OnnxValue>>>;
}

/** Where compiled pieces are found. */
export interface Pieces {
  readonly place: SessionPlace;
  /** Runs something with a compiled piece. `built` is told how long compiling it took, if it had to be. */
  use<T>(piece: Piece, run: (session: Runnable) => Promise<T>, built?: (milliseconds: number) => void): Promise<T>;
}

/** What a plan runs with. */
export interface RunContext {
  readonly model: OnnxModel;
  readonly sessions: Pieces;
  readonly signal?: AbortSignal | undefined;
  readonly reuse?: ReuseScope | undefined;
  /** Told of each step that is done. */
  readonly onStep?: ((step: StepStats) => void) | undefined;
}

/** How one run makes use of earlier ones. */
interface Reuse {
  readonly scope: ReuseScope;
  /** The slots that hold data of the user. */
  readonly given: ReadonlySet<number>;
  /** The slots that depend on the model's inputs alone: what the runs of a sweep have in common. */
  readonly base: Set<number>;
}

/** A part of the model could not be compiled by itself. */
export class PieceError extends Error {
  readonly piece: Piece;

  constructor(piece: Piece, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.piece = piece;
  }
}

/**
 * Runs a plan and gives the graph's saves in order. Tensors go from session to session as they are. Between two steps
 * other work gets its turn, and `signal` can end the run.
 */
export async function runPlan(
  plan: Plan,
  graph: InterventionGraph,
  inputs: ReadonlyMap<string, Tensor>,
  context: RunContext,
): Promise<Tensor[]> {
  const slots = new Array<OrtTensor | undefined>(plan.slots);
  for (const { name, slot } of plan.inputs) {
    const input = inputs.get(name);
    if (!input) throw new TraceError(`The model's input '${name}' is needed and was not given.`);
    slots[slot] = toOrt(input.dtype, input.dims, input.raw);
  }
  if (plan.operands.length > 0) {
    const operands = [...graph.operands];
    for (const { position, slot } of plan.operands) {
      const [node, { dims, data }] = operands[position]!;
      slots[slot] = toOrt(node.outputs[0]!.type.dtype, dims, data);
    }
  }
  const given = new Set([...plan.inputs, ...plan.operands].map(({ slot }) => slot));
  const reuse: Reuse | null = context.reuse
    ? { scope: context.reuse, given, base: new Set(plan.inputs.map(({ slot }) => slot)) }
    : null;
  for (const step of plan.steps) {
    context.signal?.throwIfAborted();
    await (reuse && !step.piece.random
      ? reuseStep(step, slots, reuse, graph, context)
      : runStep(step, slots, graph, context));
    for (const slot of step.drops) slots[slot] = undefined;
  }
  return plan.saves.map((slot) => {
    const tensor = slots[slot]!;
    // What the user gets is the user's: it shares nothing with the inputs or with what is kept.
    return fromOrt(given.has(slot) || context.reuse?.holds(tensor) ? copyOrt(tensor) : tensor);
  });
}

async function runStep(
  step: Step,
  slots: (OrtTensor | undefined)[],
  graph: InterventionGraph,
  { model, sessions, onStep }: RunContext,
): Promise<void> {
  const feeds: Record<string, OrtTensor> = {};
  for (const { name, slot } of step.feeds) feeds[name] = slots[slot]!;
  const names = step.fetches.map(({ name }) => name);
  const start = performance.now();
  let built: number | null = null;
  const results = await sessions
    .use(
      sessions.place.device === 'webgpu' ? pieceForWebGpu(step.piece, feeds) : step.piece,
      (session) => run(session, feeds, names),
      onStep &&
        ((milliseconds) => {
          built = milliseconds;
        }),
    )
    .catch((error) => {
      throw stepError(error, step, model, graph);
    });
  for (const { name, slot } of step.fetches) slots[slot] = results[name] as OrtTensor;
  const ran = performance.now() - start - (built ?? 0);
  onStep?.({ name: step.label, kind: step.kind, action: 'run', built, ran });
}

/** Tells what fails while it runs from what could not be compiled. */
class RunFailure extends Error {}

async function run(session: Runnable, feeds: Record<string, OrtTensor>, names: readonly string[]) {
  try {
    return await session.run(feeds, names);
  } catch (error) {
    throw new RunFailure(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function stepError(error: unknown, step: Step, model: OnnxModel, graph: InterventionGraph): Error {
  const isBuilt = error instanceof RunFailure;
  if (!isBuilt && step.piece.kind === 'segment') return new PieceError(step.piece, error);
  const message = error instanceof Error ? error.message : String(error);
  const cause = isBuilt ? error.cause : error;
  return runError(new Error(withSites(message, step, graph), { cause }), model, isBuilt ? graph : null);
}

/** Runs a step unless an earlier run gave what it would give. */
async function reuseStep(
  step: Step,
  slots: (OrtTensor | undefined)[],
  reuse: Reuse,
  graph: InterventionGraph,
  context: RunContext,
): Promise<void> {
  const { sessions, onStep } = context;
  const start = performance.now();
  const key = [step.piece.key, ...step.fetches.map(({ name }) => name)].join('\n');
  const feeds = step.feeds.map(({ slot }) => slots[slot]!);
  const known = reuse.scope.recall(sessions, key, feeds);
  const isBase = step.feeds.every(({ slot }) => reuse.base.has(slot));
  if (isBase) for (const { slot } of step.fetches) reuse.base.add(slot);
  if (known) {
    step.fetches.forEach(({ slot }, i) => {
      slots[slot] = known[i]!;
    });
    const ran = performance.now() - start;
    onStep?.({ name: step.label, kind: step.kind, action: 'reused', built: null, ran });
    return;
  }
  await runStep(step, slots, graph, context);
  if (!reuse.scope.isWanted(sessions, key, isBase)) return;
  // What the user gave may change later.
  const kept = feeds.map((feed, i) => (reuse.given.has(step.feeds[i]!.slot) ? copyOrt(feed) : feed));
  const outputs = step.fetches.map(({ slot }) => slots[slot]!);
  reuse.scope.remember(sessions, key, isBase, kept, outputs);
}
