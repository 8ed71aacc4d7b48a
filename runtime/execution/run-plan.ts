import { now } from '../clock.ts';
import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { keyOf } from '../graph/key.ts';
import { withSites } from '../lowering/site-names.ts';
import { ModelError } from '../onnx/error.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { cudaError } from '../ort/cuda-errors.ts';
import { ort } from '../ort/ort.ts';
import type { SessionTensor } from '../ort/port.ts';
import type { Dispatch, Plan } from '../partition/plan.ts';
import { refusalOf } from '../shapes/refusal.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ProgramError, type ProgramRunner } from './program-runner.ts';
import type { Residuals } from './residuals.ts';
import { type KnownRuns, type ReuseScope, runsOf } from './reuse.ts';
import { deviceError, runError } from './run-error.ts';
import { toTensor } from './session-tensors.ts';
import type { DispatchStats } from './stats.ts';

/** What a plan runs with. */
export interface RunContext {
  readonly model: OnnxModel;
  readonly programs: ProgramRunner;
  readonly signal?: AbortSignal | undefined;
  readonly reuse?: ReuseScope | undefined;
  /** Where all that is computed is kept, for a backward pass: what is kept besides. */
  readonly residuals?: Residuals | undefined;
  /** Told after each dispatch how many of the run have ended, and how many there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a run gives: the graph's saves in order, and what became of each dispatch. */
export interface Ran {
  readonly tensors: Tensor[];
  readonly dispatches: readonly DispatchStats[];
  /** The plan as it was run. */
  readonly plan: Plan;
  /** What was computed, as far as it was kept. */
  readonly registers: readonly (SessionTensor | undefined)[];
  /** Of these the tensors that nobody else holds, where all was kept. */
  readonly own: readonly SessionTensor[];
}

/** How one run makes use of earlier ones. */
interface Reuse {
  readonly runs: KnownRuns;
  /** The registers that hold data of the user. */
  readonly given: ReadonlySet<number>;
  /** The registers that depend on the model's inputs alone: what the runs of a sweep have in common. */
  readonly base: Set<number>;
  /** The registers whose tensors the scope may hold on to. */
  readonly held: Set<number>;
}

/**
 * Runs a plan. Tensors go from session to session as they are. Between two dispatches other work gets its turn, and
 * `signal` can end the run.
 */
export async function runPlan(
  plan: Plan,
  graph: InterventionGraph,
  inputs: ReadonlyMap<string, InputTensor>,
  context: RunContext,
): Promise<Ran> {
  const registers = new Array<SessionTensor | undefined>(plan.registers);
  for (const { name, register } of plan.inputs) {
    const input = inputs.get(name) ?? plan.idle?.get(name);
    if (!input) {
      const site = graph.saves[0]?.value.node?.site ?? null;
      throw new TraceError(`The model's input '${name}' is needed and was not given.`, site);
    }
    registers[register] = ort.tensor(input.dtype, input.dims, input.raw);
  }
  if (plan.operands.length > 0) {
    const operands = [...graph.operands];
    for (const { position, register } of plan.operands) {
      const [node, { dims, data }] = operands[position]!;
      registers[register] = ort.tensor(node.outputs[0]!.type.dtype, dims, data);
    }
  }
  const given = new Set([...plan.inputs, ...plan.operands].map(({ register }) => register));
  const reuse: Reuse | null = context.reuse
    ? {
        runs: runsOf(context.reuse),
        given,
        base: new Set(plan.inputs.map(({ register }) => register)),
        held: new Set(),
      }
    : null;
  const dispatches: DispatchStats[] = [];
  const ran: Dispatch[] = [];
  const { residuals } = context;
  for (const planned of plan.dispatches) {
    context.signal?.throwIfAborted();
    const dispatch = residuals?.extended(planned) ?? planned;
    const stats = await (reuse && !dispatch.program.random
      ? reuseDispatch(dispatch, registers, reuse, graph, context)
      : runDispatch(dispatch, registers, graph, context));
    dispatches.push(stats);
    await context.onProgress?.(dispatches.length, plan.dispatches.length);
    ran.push(dispatch);
    if (residuals) residuals.count(dispatch, planned, registers);
    else for (const register of dispatch.drops) registers[register] = undefined;
  }
  const tensors = plan.saves.map((register) => {
    const tensor = registers[register]!;
    // What the user gets is the user's: it shares nothing with the inputs or with what is kept.
    const isShared = given.has(register) || residuals || reuse?.held.has(register);
    return toTensor(isShared ? ort.copy(tensor) : tensor);
  });
  const filled = residuals ? ran.flatMap(({ fetches }) => fetches.map(({ register }) => register)) : [];
  const own = filled.filter((register) => !reuse?.held.has(register)).map((register) => registers[register]!);
  return { tensors, dispatches, registers, own, plan: residuals ? { ...plan, dispatches: ran } : plan };
}

async function runDispatch(
  dispatch: Dispatch,
  registers: (SessionTensor | undefined)[],
  graph: InterventionGraph,
  { model, programs }: RunContext,
): Promise<DispatchStats> {
  const feeds: Record<string, SessionTensor> = {};
  for (const { name, register } of dispatch.feeds) feeds[name] = registers[register]!;
  const names = dispatch.fetches.map(({ name }) => name);
  const start = now();
  let built: number | null = null;
  const onBuilt = (milliseconds: number) => {
    built = milliseconds;
  };
  const results = await programs.run(dispatch.program, feeds, names, onBuilt).catch(async (error) => {
    throw await dispatchError(error, dispatch, model, graph);
  });
  for (const { name, register } of dispatch.fetches) registers[register] = results[name]!;
  const ran = now() - start - (built ?? 0);
  return { name: dispatch.label, kind: dispatch.kind, action: 'run', built, ran };
}

async function dispatchError(
  error: unknown,
  dispatch: Dispatch,
  model: OnnxModel,
  graph: InterventionGraph,
): Promise<Error> {
  if (error instanceof ModelError) return error;
  const isBuilt = !(error instanceof ProgramError);
  // The model may be compiled whole instead.
  if (!isBuilt && dispatch.program.kind === 'segment') return error;
  const message = error instanceof Error ? error.message : String(error);
  const ofDevice = cudaError(message);
  if (ofDevice) return deviceError(ofDevice, graph, error);
  const refusal = isBuilt ? null : await refusalOf(model);
  if (refusal) return refusal;
  const nodes = dispatch.nodes.map((position) => graph.root.nodes[position]!);
  const told = withSites(message, nodes, dispatch.kind === 'call');
  const cause = isBuilt ? error : error.cause;
  return runError(new Error(told, { cause }), model, isBuilt ? graph : null);
}

/** Runs a dispatch unless an earlier run gave what it would give. */
async function reuseDispatch(
  dispatch: Dispatch,
  registers: (SessionTensor | undefined)[],
  reuse: Reuse,
  graph: InterventionGraph,
  context: RunContext,
): Promise<DispatchStats> {
  const { programs } = context;
  const start = now();
  const key = keyOf(dispatch.program.key, ...dispatch.fetches.map(({ name }) => name));
  const feeds = dispatch.feeds.map(({ register }) => registers[register]!);
  const known = reuse.runs.recall(programs, key, feeds);
  const isBase = dispatch.feeds.every(({ register }) => reuse.base.has(register));
  if (isBase) for (const { register } of dispatch.fetches) reuse.base.add(register);
  if (known) {
    dispatch.fetches.forEach(({ register }, i) => {
      registers[register] = known[i]!;
      reuse.held.add(register);
    });
    const ran = now() - start;
    return { name: dispatch.label, kind: dispatch.kind, action: 'reused', built: null, ran };
  }
  if (!reuse.runs.isWanted(programs, key, isBase)) return runDispatch(dispatch, registers, graph, context);
  // What the user gave may change later, also while this runs.
  const kept = feeds.map((feed, i) => (reuse.given.has(dispatch.feeds[i]!.register) ? ort.copy(feed) : feed));
  const stats = await runDispatch(dispatch, registers, graph, context);
  const outputs = dispatch.fetches.map(({ register }) => registers[register]!);
  reuse.runs.remember(programs, key, isBase, kept, outputs);
  for (const { register } of [...dispatch.feeds, ...dispatch.fetches]) reuse.held.add(register);
  return stats;
}
