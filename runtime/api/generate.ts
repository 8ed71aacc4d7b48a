import { TraceError } from '../errors.ts';
import type { RunStats } from '../execution/stats.ts';
import type { Site, Value } from '../graph/types.ts';
import { continuedInput, isPast, LOGITS } from '../inputs/convention.ts';
import { prepareInputs } from '../inputs/prepare.ts';
import type { Inputs } from '../inputs/signature.ts';
import type { AnyTensor, Tensor } from '../tensor/tensor.ts';
import { toProxy } from '../tracing/apply.ts';
import { inner } from '../tracing/hidden.ts';
import type { Backend } from '../types/backend.ts';
import type { AskedStep, LateCourse } from '../types/course.ts';
import type { Generated as GeneratedTexts } from '../types/generation.ts';
import { checkAnswer } from './answer.ts';
import { ModelIdentity } from './backend.ts';
import type { Block } from './blocks.ts';
import { Decoding, type DecodingOptions } from './decoding.ts';
import { finishTrace } from './finish-trace.ts';
import { Generation, type Outcomes } from './generation.ts';
import { runGeneration } from './generation-run.ts';
import { Invokes } from './invokes.ts';
import { RecordedTrace } from './recorded-trace.ts';
import type { Results } from './results.ts';
import { stepSizes } from './step-sizes.ts';
import type { StepTracer } from './step-tracer.ts';
import { type Traceable, Tracing } from './tracing.ts';
import { inTurn, type Turn } from './turns.ts';

/** The result of a generation without the texts. */
type Generated = Omit<GeneratedTexts<unknown>, 'texts'>;

export interface GenerateSettings extends DecodingOptions {
  /** Whether steps go on from the key-value cache of the step before, where the model has one. */
  readonly useCache: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onStats?: ((stats: RunStats) => void) | undefined;
}

/**
 * Generates tokens one by one. The block is traced once, over all steps; each step is a forward of its own.
 * @param inputs of the prompts; null if the block gives them by invoke
 * @param backend what runs it; null is this process
 */
export function generate(
  model: Traceable,
  inputs: Inputs | null,
  block: Block<[StepTracer]> | null,
  options: GenerateSettings,
  backend: Backend | null,
  site: () => Site | null,
): Promise<Generated> {
  return inTurn(
    (turn) => buildGeneration(model, inputs, block, options, backend, site, turn),
    ({ finish }) => finish(),
  );
}

interface BuiltGeneration {
  finish(): Promise<Generated>;
}

async function buildGeneration(
  model: Traceable,
  inputs: Inputs | null,
  block: Block<[StepTracer]> | null,
  options: GenerateSettings,
  backend: Backend | null,
  site: () => Site | null,
  turn: Turn,
): Promise<BuiltGeneration> {
  checkLogits(model, site());
  await model.symbolic();
  const tracing = new Tracing();
  const invokes = inputs ? null : new Invokes(model, tracing, site);
  const given = inputs && prepareInputs(model.map.model, inputs);
  const cached = options.useCache && hasCache(model);
  const tokens = continuedInput(model.map.model.inputs);
  const outcomes = new LateOutcomes(tracing, given?.get(tokens)?.dims[0] ?? null);
  const mayEnd = options.stop.size > 0;
  const generation = new Generation(model, tracing, outcomes, { count: options.count, cached, mayEnd });
  const record = () => {
    const returned = generation.record(block, stepSizes(model, given, cached), invokes);
    tracing.atEnd.push(() => generation.close());
    if (backend) tracing.alsoSaved.push({ name: SEQUENCES, value: outcomes.result() });
    return returned;
  };
  const build = () => new RecordedTrace(tracing, tracing.build(record));
  const built = block ? await turn.build(build) : build();
  const prompt = given ?? invokes!.inputs();
  tracing.forwards.runs[0]!.inputs = prompt;
  const decoding = new Decoding(model.map.model, prompt, options);
  const late = lateCourse(tracing, generation, outcomes, built.results);
  const { signal, onStats } = options;
  const run = () =>
    runGeneration(tracing.run, late, decoding, (forward) => generation.stepOf(forward), { signal, onStats });
  if (!backend) {
    const finish = async () => {
      const result = await finishTrace(built, run);
      return { sequences: decoding.sequences(), tokens: decoding.fresh, result };
    };
    return { finish };
  }
  tracing.generations.push(options);
  const { graph, course } = tracing.sent(late);
  const finish = async () => {
    let tensors: readonly (Tensor | undefined)[] = [];
    const result = await finishTrace(built, async () => {
      const answer = await backend.run({
        graph,
        course,
        inputs: Object.fromEntries(prompt),
        model: new ModelIdentity(model.map.model),
        signal,
        onStats,
        onToken: options.onToken,
        execute: run,
      });
      tensors = checkAnswer(graph, answer);
      return tensors;
    });
    const sequences = tensors[graph.saves.findIndex(({ name }) => name === SEQUENCES)] as AnyTensor as Tensor<'int64'>;
    const length = prompt.get(tokens)!.dims[1]!;
    return {
      sequences,
      tokens: sequences ? newTokens(sequences, length, options.stop) : [],
      result,
    };
  };
  return { finish };
}

/** The name of the save that all tokens are. */
const SEQUENCES = 'sequences';

/** The new tokens of each row: those behind the prompt, up to one that ends it. */
function newTokens(sequences: Tensor<'int64'>, prompt: number, stop: ReadonlySet<number>): number[][] {
  return (sequences.toArray() as bigint[][]).map((row) => {
    const fresh = row.slice(prompt).map(Number);
    const end = fresh.findIndex((id) => stop.has(id));
    return end === -1 ? fresh : fresh.slice(0, end + 1);
  });
}

/** What is known only when the steps have run, in the values of the graph that is sent. */
function lateCourse(tracing: Tracing, generation: Generation, outcomes: LateOutcomes, results: Results): LateCourse {
  const settled = (made: Value) => tracing.settled.value(made);
  return {
    steps: generation.outputs.map(({ logits, cache }) => ({
      logits: settled(logits),
      cache: new Map([...cache].map(([name, value]) => [name, settled(value)])),
    })),
    conditions: new Map([...outcomes.asked].map(([made, asked]) => [settled(made), asked])),
    outcomes: new Set([...tracing.outcomes].map(settled)),
    wanted: results.wantedSteps.map((wanted) => wanted.map((made) => made && settled(made))),
  };
}

/** What only the run tells, as values that get their data when all steps have run. */
class LateOutcomes implements Outcomes {
  readonly asked = new Map<Value, AskedStep>();
  private readonly tracing: Tracing;
  private readonly rows: number | null;
  private made: Value | null = null;

  /** @param rows how many prompts there are; null where invokes give them */
  constructor(tracing: Tracing, rows: number | null) {
    this.tracing = tracing;
    this.rows = rows;
  }

  reached(asked: AskedStep): Value {
    const condition = toProxy(true)[inner].value();
    this.tracing.conditions.add(condition);
    this.asked.set(condition, asked);
    return condition;
  }

  result(): Value {
    if (this.made) return this.made;
    const type = { dtype: 'int64' as const, shape: [this.rows, null] };
    this.made = this.tracing.builder.operand(type, { dims: [this.rows ?? 0, 0], data: new BigInt64Array(0) });
    this.tracing.outcomes.add(this.made);
    return this.made;
  }
}

/** Whether steps can go on from a key-value cache. */
export function hasCache(model: Traceable): boolean {
  return model.afterFirst(true).map.model.inputs.some(({ name }) => isPast(name));
}

/** A model that chooses no next token cannot generate, whatever its outputs are. */
export function checkLogits({ map }: Traceable, site: Site | null): void {
  const names = map.model.outputs.map(({ name }) => name);
  if (names.includes(LOGITS)) return;
  throw new TraceError(
    `The model cannot generate: it has no output '${LOGITS}' that tells the next token, only ${names.join(', ')}. Run it with trace, or load the file of the whole language model.`,
    site,
  );
}
