import { TraceError } from '../errors.ts';
import type { HostFunction } from '../execution/apply.ts';
import { asTraced } from '../functions/nodes.ts';
import { usesOf } from '../graph/live.ts';
import type { Site, TensorType, Value } from '../graph/types.ts';
import { continuedInput } from '../inputs/convention.ts';
import type { Inputs } from '../inputs/signature.ts';
import { Tensor } from '../tensor/tensor.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import { builder } from '../tracing/builder.ts';
import { laterSite } from '../tracing/caller.ts';
import { inner } from '../tracing/hidden.ts';
import type { AskedStep, CourseFunction } from '../types/course.ts';
import type { GeneratedInSession } from '../types/generation.ts';
import { givenAt } from './at-caller.ts';
import { Decoding } from './decoding.ts';
import { checkLogits, type GenerateSettings, hasCache } from './generate.ts';
import { type GenerateCall, lengthOf } from './generate-options.ts';
import { Generation, type Outcomes } from './generation.ts';
import { Invokes } from './invokes.ts';
import type { LateInputs } from './late-inputs.ts';
import type { ReadSettings } from './session.ts';
import { stepSizes } from './step-sizes.ts';
import { byName, takeInputs } from './taken-inputs.ts';
import type { Traceable, Tracing } from './tracing.ts';

/**
 * Records a generation among the traces of a session. Its steps are forwards like any others: between two of them a
 * function chooses the next tokens, and the second one takes what the first one left. Steps after a stop token do not run.
 */
export function generateInSession(
  model: Traceable,
  tracing: Tracing,
  { prompt, isInvokes, options, block }: GenerateCall,
  read: ReadSettings,
): GeneratedInSession<unknown> {
  const later = laterSite();
  const site = later();
  checkLogits(model, site);
  if (options.signal) {
    throw new TraceError('A generation of a session ends with it: give the signal to the session.', site);
  }
  if (options.onStats) {
    throw new TraceError('A generation of a session is a part of its run: give onStats to the session.', site);
  }
  const place = (['backend', 'remote'] as const).find((name) => options[name]);
  if (place) throw new TraceError(`A generation of a session runs where it does: give ${place} to the session.`, site);
  const given = isInvokes ? null : promptOf(model, prompt, later);
  const settings = read(options, given && lengthOf(given));
  const taken = given && takeInputs(model.map.model, given);
  const known = taken?.known ?? null;
  const cached = settings.useCache && hasCache(model);
  const mayEnd = settings.stop.size > 0;
  const invokes = isInvokes ? new Invokes(model, tracing, later) : null;
  const [rows, length] = known?.get(continuedInput(model.map.model.inputs))?.dims ?? [null, null];
  const standIns = new StandIns(tracing, rows!);
  const generation = new Generation(model, tracing, standIns, { count: settings.count, cached, mayEnd });
  const result = generation.record(block, stepSizes(model, known, cached), invokes);
  generation.leave();
  generation.close();
  const steps = new Steps(model, tracing, generation, settings, site);
  const batch = () => invokes!.inputs();
  steps.begin(taken ?? { values: new Map(), prepare: batch, data: batch, site });
  const total = mayEnd || length === null ? null : length! + generation.last + 1;
  const tokens = Array.from({ length: generation.last + 1 }, (_, step) => steps.choose(step, [rows!, total]));
  const sequences = tokens.at(-1)!;
  standIns.settle(sequences, site, (asked) => steps.reached(asked, tokens));
  return { sequences: asTraced(wrap(builder(), sequences)), result };
}

function promptOf({ map, inputs }: Traceable, prompt: unknown, site: () => Site | null): Inputs {
  return givenAt(site, () => inputs.prepare(byName(map.model, prompt)));
}

/** Values in the place of what is known between the steps, until the block has ended and the functions are there that give it. */
class StandIns implements Outcomes {
  private readonly tracing: Tracing;
  private readonly rows: number | null;
  private readonly asked = new Map<Value, AskedStep>();
  private made: Value | null = null;

  constructor(tracing: Tracing, rows: number | null) {
    this.tracing = tracing;
    this.rows = rows;
  }

  reached(asked: AskedStep): Value {
    const value = this.standIn(true, { dtype: 'bool', shape: [] });
    this.asked.set(value, asked);
    return value;
  }

  result(): Value {
    this.made ??= this.standIn([[0]], { dtype: 'int64', shape: [this.rows, null] });
    return this.made;
  }

  /** Puts the values that functions give in the places of those that stood for them. */
  settle(sequences: Value, site: Site | null, reached: (asked: AskedStep) => Value): void {
    if (this.made) {
      checkOwn(sequences, this.made, site);
      this.tracing.settle(this.made, sequences);
    }
    for (const [value, asked] of this.asked) this.tracing.settle(value, reached(asked));
  }

  private standIn(data: unknown, type: TensorType): Value {
    const { builder } = this.tracing;
    const region = builder.forward!.region;
    return builder.addTyped('detach', [toProxy(data)[inner].value()], [type], {}, [], region).outputs[0]!;
  }
}

/** The functions between the steps, and what the steps take of them. */
class Steps {
  private readonly model: Traceable;
  private readonly tracing: Tracing;
  private readonly generation: Generation;
  private readonly settings: GenerateSettings;
  private readonly site: Site | null;
  /** Among the generations of the session. */
  private readonly number: number;
  /** There once the first step runs. */
  private decoding!: Decoding;

  constructor(
    model: Traceable,
    tracing: Tracing,
    generation: Generation,
    settings: GenerateSettings,
    site: Site | null,
  ) {
    this.model = model;
    this.tracing = tracing;
    this.generation = generation;
    this.settings = settings;
    this.site = site;
    this.number = tracing.generations.push(settings) - 1;
  }

  /** Gives the first step the prompt. */
  begin({ values, prepare, data, site }: LateInputs): void {
    this.tracing.forwards.takeInputs(this.generation.forwards[0]!, {
      values,
      data,
      site,
      step: { generation: this.number, index: 0 },
      prepare: (given) => {
        const prompt = prepare(given);
        this.decoding = new Decoding(this.model.map.model, prompt, this.settings);
        return prompt;
      },
    });
  }

  /** Chooses the tokens after a step, and gives them to the next one. Gives all tokens so far, of the shape that those at the end have. */
  choose(step: number, shape: readonly (number | null)[]): Value {
    const { outputs, forwards, last } = this.generation;
    const { logits, cache } = outputs[step]!;
    const isLast = step === last;
    const tokens = this.call(
      { kind: 'tokens', generation: this.number },
      [logits],
      { dtype: 'int64', shape: isLast ? shape : [shape[0]!, null] },
      {
        run: async (scores) => {
          await this.decoding.advance(scores as Tensor);
          return this.decoding.sequences();
        },
        unreached: () => this.decoding.sequences(),
      },
    );
    if (isLast) return tokens;
    const { model } = this.model.afterFirst(this.generation.cached).map;
    this.tracing.forwards.runs[forwards[step + 1]!.id]!.isReached = () => this.decoding.goesOn;
    this.tracing.forwards.takeInputs(forwards[step + 1]!, {
      values: new Map([...cache, [continuedInput(model.inputs), tokens]]),
      data: () => new Map(),
      site: this.site,
      step: { generation: this.number, index: step + 1 },
      prepare: (given) => this.decoding.inputs(model, given),
    });
    return tokens;
  }

  /** Whether a step is reached. */
  reached({ step, rows }: AskedStep, tokens: readonly Value[]): Value {
    const before = tokens[step - 1];
    if (!before) return toProxy(false)[inner].value();
    const fn = { kind: 'reached', generation: this.number, step, rows } as const;
    const gotTo = () => Tensor.from(this.decoding.gotTo(step, rows));
    return this.call(fn, [before], { dtype: 'bool', shape: [] }, { run: gotTo, unreached: gotTo });
  }

  private call(
    fn: CourseFunction,
    inputs: readonly Value[],
    type: TensorType,
    host: Pick<HostFunction, 'run' | 'unreached'>,
  ): Value {
    const { builder, functions, betweenSteps } = this.tracing;
    const { outputs } = builder.addTyped('apply', inputs, [type], { guarded: false }, [], builder.region, this.site);
    functions.set(outputs[0]!, { ...host, backward: null });
    betweenSteps.set(outputs[0]!, fn);
    return outputs[0]!;
  }
}

/** Throws a TraceError where the tokens of a generation depend on the result of the same generation. */
function checkOwn(sequences: Value, result: Value, site: Site | null): void {
  const seen = new Set<Value>();
  const open = [sequences];
  for (let value = open.pop(); value; value = open.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (value === result) {
      throw new TraceError(
        'The result of the generation is written into one of its own steps, which have all run before it is known. Use it in a later trace of the session.',
        site,
      );
    }
    if (value.node) for (const one of usesOf(value.node)) open.push(one);
  }
}
