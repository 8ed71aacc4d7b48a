import { TraceError } from '../errors.ts';
import type { ExecutionOptions } from '../execution/execution.ts';
import type { Site, Value } from '../graph/types.ts';
import { ATTENTION_MASK, isKeyValue, isPast, LOGITS, TOKEN_IDS } from '../inputs/convention.ts';
import { type Inputs, prepareInputs } from '../inputs/prepare.ts';
import type { Sizes, SymbolicTypes } from '../shapes/symbolic.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { toProxy } from '../tracing/apply.ts';
import { inner } from '../tracing/hidden.ts';
import { printLines } from '../tracing/logs.ts';
import type { Generated as GeneratedTexts } from '../types/generation.ts';
import type { Block } from './blocks.ts';
import { Decoding, type DecodingOptions } from './decoding.ts';
import { type AskedStep, Generation, type Outcomes } from './generation.ts';
import { Invokes } from './invokes.ts';
import type { StepTracer } from './step-tracer.ts';
import { type Traceable, Tracing } from './tracing.ts';

/** The result of a generation without the texts. */
type Generated = Omit<GeneratedTexts<unknown>, 'texts'>;

export interface GenerateSettings extends DecodingOptions {
  /** How many new tokens at most. */
  readonly count: number;
  /** Whether steps go on from the key-value cache of the step before, where the model has one. */
  readonly useCache: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Generates tokens one by one. The block is traced once, over all steps; each step is a forward of its own.
 * @param inputs of the prompts; null if the block gives them by invoke
 */
export async function generate(
  model: Traceable,
  inputs: Inputs | null,
  block: Block<[StepTracer]> | null,
  options: GenerateSettings,
  site: () => Site | null,
): Promise<Generated> {
  checkLogits(model, site());
  const symbolic = await model.map.symbolic();
  const tracing = new Tracing();
  const invokes = inputs ? null : new Invokes(model, tracing, site);
  const given = inputs && prepareInputs(model.map.model, inputs);
  const cached = options.useCache && hasCache(model);
  const outcomes = new LateOutcomes(tracing, given?.get(TOKEN_IDS)?.dims[0] ?? null);
  const mayEnd = options.stop.size > 0;
  const generation = new Generation(model, tracing, outcomes, { count: options.count, cached, mayEnd });
  const results = tracing.build(() => {
    const returned = generation.record(block, stepSizes(symbolic, given, cached), invokes);
    tracing.atEnd.push(() => generation.close());
    return returned;
  });
  const prompt = given ?? invokes!.inputs();
  const decoding = new Decoding(model.map.model, prompt, options);
  const outputs = generation.outputs.map(({ logits, cache }) => ({
    logits: tracing.value(logits),
    cache: new Map([...cache].map(([name, value]) => [name, tracing.value(value)])),
  }));
  const kept = new Set(tracing.kept);
  tracing.runs[0]!.inputs = prompt;
  const execution: ExecutionOptions = {
    signal: options.signal,
    async before(forward, values) {
      const step = generation.stepOf(forward);
      options.signal?.throwIfAborted();
      if (step === 0) return true;
      if (step > generation.last) return false;
      const last = outputs[step - 1]!;
      if (!(await decoding.advance(values.get(last.logits)!))) return false;
      const cache = new Map([...last.cache].map(([name, value]) => [name, values.get(value)!]));
      // From here on only the inputs hold the cache: of all steps together it would fill the memory.
      for (const value of last.cache.values()) if (!kept.has(value)) values.delete(value);
      const run = tracing.runs[forward]!;
      run.inputs = decoding.inputs(cache);
      run.given = last.cache;
      return true;
    },
  };
  const ran = await tracing.run(execution);
  // The token of the last step, which no further step asks for.
  const last = ran.tensor(outputs[generation.last]!.logits);
  if (last) await decoding.advance(last);
  const known = outcomes.known(decoding);
  const isReached = (condition: Value): boolean => Boolean(known(condition).item());
  const tensors = await tracing.finish(ran, execution, known, (value) => results.isWanted(value, isReached));
  const result = results.resolve(tensors, tracing.missing(tensors));
  tracing.fillGradients(tensors);
  printLines(tracing.builder);
  return { sequences: decoding.sequences(), tokens: decoding.fresh, result };
}

/** What only the run tells, as values that get their data when all steps have run. */
class LateOutcomes implements Outcomes {
  private readonly tracing: Tracing;
  private readonly rows: number | null;
  private readonly asked = new Map<Value, AskedStep>();
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
    this.made = this.tracing.builder.operand(type, { dims: [0, 0], data: new BigInt64Array(0) });
    this.tracing.outcomes.add(this.made);
    return this.made;
  }

  known(decoding: Decoding): (value: Value) => AnyTensor {
    return (value) => {
      const asked = this.asked.get(value);
      return asked ? Tensor.from(decoding.gotTo(asked.step, asked.rows)) : decoding.sequences();
    };
  }
}

/** Whether a model takes a key-value cache. */
export function hasCache({ map }: Traceable): boolean {
  return map.model.inputs.some(({ name }) => isPast(name));
}

/** The sizes of a step's inputs; null for those that only the run tells. */
export function stepSizes(
  symbolic: SymbolicTypes,
  prompt: ReadonlyMap<string, InputTensor> | null,
  cached: boolean,
): (step: number) => Sizes {
  if (!prompt) return () => new Map(symbolic.symbols.map((symbol) => [symbol, null]));
  return (step) => symbolic.sizes(stepDims(prompt, step, cached));
}

/** The dims of a step's inputs, from those of the prompt. */
function stepDims(
  prompt: ReadonlyMap<string, InputTensor>,
  step: number,
  cached: boolean,
): Readonly<Record<string, readonly number[]>> {
  const entries = [...prompt].map(([name, { dims }]): [string, readonly number[]] => {
    if (step === 0) return [name, dims];
    const length = prompt.get(TOKEN_IDS)!.dims[1]! + step;
    if (isPast(name) && !isKeyValue(name)) return [name, dims];
    if (isKeyValue(name) && cached) return [name, dims.map((dim, i) => (i === dims.length - 2 ? length - 1 : dim))];
    if (dims.length !== 2) return [name, dims];
    const isWhole = !cached || name === ATTENTION_MASK;
    return [name, [dims[0]!, isWhole ? length : 1]];
  });
  return Object.fromEntries(entries);
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
