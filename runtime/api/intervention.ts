import { TraceError } from '../errors.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Value } from '../graph/types.ts';
import { withDefaults } from '../inputs/defaults.ts';
import { type Inputs, matchNumbers } from '../inputs/signature.ts';
import { block as compiledBlock, guardsOf } from '../operators/blocks.ts';
import { isFloatDType } from '../tensor/storage.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import { activeBuilder, builder } from '../tracing/builder.ts';
import { callerSite, laterSite } from '../tracing/caller.ts';
import { ours } from '../tracing/harmless.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type {
  Intervention,
  InterventionOptions,
  InterventionParameter,
  ParameterSpecs,
  TracedParameters,
} from '../types/intervention.ts';
import type { ModelInputs, ModelMembers, NNsight, Prompt } from '../types/model.ts';
import type { EnvoyMembers } from '../types/module.ts';
import type { Traced } from '../types/tensor.ts';
import { givenAt } from './at-caller.ts';
import { attaching, notAttached } from './attaching.ts';
import { type Block, checkCompiled } from './blocks.ts';
import { declaredParameters, noParameter } from './declared-parameters.ts';
import { fittedInput } from './fitted-input.ts';
import { PlainInputs } from './input-maker.ts';
import type { Changed } from './left-behind.ts';
import { LoadedModel } from './loaded-model.ts';
import { Model } from './model.ts';
import type { ModelMap } from './model-map.ts';
import { savedOutputs } from './model-outputs.ts';
import { envoyOf } from './module-envoy.ts';
import { checkNoMore, checkOptions, type OptionKinds } from './options.ts';
import { parseParameters } from './parameter-spec.ts';
import { shapesFor } from './shapes.ts';
import { Tracing } from './tracing.ts';
import { TypedModel } from './typed-model.ts';

/** Marks interventions, those of another copy of the library too; the value tells which copy made them. */
const MARK = Symbol.for('onnsight.intervention');

type InterventionBlock = Block<[model: EnvoyMembers, parameters: Readonly<Record<string, Traced>>]>;

/** What an intervention of this copy of the library keeps to itself. */
class Kept {
  readonly block: InterventionBlock;
  /** Attaches the models that the block calls to the one that it runs on. */
  readonly attach: ReturnType<typeof attaching> | null;

  constructor(block: InterventionBlock, attach: Kept['attach']) {
    this.block = block;
    this.attach = attach;
  }
}

/** A block with named parameters that can be run on a loaded model, and compiled ahead of time. */
export interface InterventionFunction {
  (model: ModelMembers<Prompt>, inputs: ModelInputs | string, parameters?: Inputs): Promise<unknown>;
  readonly parameters: readonly InterventionParameter[];
  readonly [MARK]: Kept;
  inside(model: EnvoyMembers, parameters?: Readonly<Record<string, unknown>>): unknown;
}

/** `intervention(parameters, block)`, or `intervention(block)` where there is nothing to set. */
export function intervention<
  const P extends ParameterSpecs,
  const R,
  M extends EnvoyMembers = NNsight,
  const O extends InterventionOptions = object,
>(parameters: P, block: (model: M, parameters: TracedParameters<P>) => R, options?: O): Intervention<P, M, R, O>;
export function intervention<const R, M extends EnvoyMembers = NNsight, const O extends InterventionOptions = object>(
  block: (model: M) => R,
  options?: O,
): Intervention<Record<never, never>, M, R, O>;
export function intervention(...given: readonly unknown[]): InterventionFunction {
  try {
    return make(given);
  } catch (error) {
    if (!areMistakesLater || !(error instanceof TraceError)) throw error;
    const fail = () => {
      throw error;
    };
    return Object.assign(fail, { parameters: [], inside: fail, [MARK]: new Kept(fail, null) });
  }
}

let areMistakesLater = false;

/** Loads a file, in which an intervention that cannot be made fails when it is built: the others of the file are there. */
export async function withMistakesLater<T>(load: () => Promise<T>): Promise<T> {
  areMistakesLater = true;
  try {
    return await load();
  } finally {
    areMistakesLater = false;
  }
}

function make(given: readonly unknown[]): InterventionFunction {
  const [declared, written, options] = typeof given[0] === 'function' ? [{}, ...given] : given;
  if (!isBlock(written) || !isPlainObject(declared)) {
    throw new TraceError(
      "intervention needs a block: intervention({ alpha: 'float32' }, (model, { alpha }) => { … }).",
      callerSite(),
    );
  }
  checkCompiled(written);
  checkOptions('intervention', options as InterventionOptions | undefined, INTERVENTION_OPTIONS);
  const { attach: attached, outputs } = (options ?? {}) as InterventionOptions;
  const block = outputs === 'model' ? withOutputs(written) : written;
  const attach = attached ? attaching(attached, callerSite()) : null;
  const parameters = parseParameters(declared);
  const names = new Set(parameters.map(({ name }) => name));

  const run = async (
    model: ModelMembers<Prompt>,
    inputs: ModelInputs | string,
    more: Inputs = {},
    ...further: readonly never[]
  ): Promise<unknown> => {
    const site = laterSite();
    if (activeBuilder()) {
      throw new TraceError(
        'An intervention is run inside a block. To make it a part of this block call its inside(model, parameters).',
        callerSite(),
      );
    }
    if (typeof (model as Partial<ModelMembers> | undefined)?.trace !== 'function') {
      throw new TraceError('An intervention runs on a loaded model: steer(model, inputs, parameters).', site());
    }
    if (!isPlainObject(more)) {
      throw new TraceError('The parameters of an intervention are an object: { alpha: 2 }.', site());
    }
    checkNoMore('An intervention(model, inputs, parameters)', further);
    const merged = isPlainObject(inputs) ? inputs : {};
    const own = Object.entries({ ...merged, ...more }).filter(([name]) => names.has(name));
    const unknown = Object.keys(more).find((name) => !names.has(name));
    if (unknown !== undefined) throw new TraceError(noParameter(unknown, [...names]), callerSite());
    const values = givenAt(site, () =>
      matchNumbers(parameters, withDefaults(parameters, Object.fromEntries(own) as Inputs)),
    );
    const rest = isPlainObject(inputs)
      ? Object.fromEntries(Object.entries(inputs).filter(([name]) => !names.has(name)))
      : inputs;
    const operands = Array.from(values, ([name, { dtype, dims, raw }]) => ({
      name,
      type: { dtype, shape: dims },
      data: { dims, data: raw },
    }));
    const traced = () => {
      const proxies = operands.map(({ name, type, data }): [string, Traced] => [
        name,
        asTraced(wrap(builder(), builder().operand(type, data))),
      ]);
      const declared = declaredParameters(proxies);
      builder().made(declared);
      return block(model, declared);
    };
    const whole = envoyOf(model);
    if (attach && whole) await attach(whole);
    const declaredAt = guardsOf(block)?.site;
    return model.trace(
      rest,
      compiledBlock(traced, declaredAt, () => [model, block, ...values.values()]),
    );
  };

  const inside = (model: EnvoyMembers, values: Readonly<Record<string, unknown>> = {}): unknown => {
    builder();
    const whole = envoyOf(model);
    const missing = attached && whole ? notAttached(whole, attached) : undefined;
    if (missing !== undefined) {
      throw new TraceError(
        `The intervention calls the model at ${missing}, which is not attached here. Attach it before the trace, or by the option attach of the intervention around.`,
        callerSite(),
      );
    }
    const unknown = Object.keys(values).find((name) => !names.has(name));
    if (unknown !== undefined) throw new TraceError(noParameter(unknown, [...names]), callerSite());
    const proxies = parameters.map((parameter): [string, Traced] => {
      const { name, dtype, default: usual } = parameter;
      const value = (Object.hasOwn(values, name) ? values[name] : undefined) ?? usual;
      if (value === undefined) throw new TraceError(`The parameter '${name}' is missing.`, callerSite());
      const proxy = toProxy(value, isFloatDType(dtype) ? dtype : undefined);
      return [name, asTraced(fittedInput(proxy, parameter, `The parameter '${name}'`))];
    });
    return block(model, declaredParameters(proxies));
  };

  const made = Object.assign(run, { parameters, inside, [MARK]: new Kept(block, attach) });
  Object.defineProperty(made, MARK, { enumerable: false });
  ours(made);
  return made;
}

function isBlock(value: unknown): value is InterventionBlock {
  return typeof value === 'function';
}

const INTERVENTION_OPTIONS: OptionKinds<InterventionOptions> = {
  outputs: { text: "'model'", fits: (value) => value === 'model' },
  attach: { text: 'an object of models by the paths at which they are attached', fits: isPlainObject },
};

/** A block that returns the model's own outputs too. */
function withOutputs(block: InterventionBlock): InterventionBlock {
  const site = callerSite();
  return (model, parameters) => {
    const own: unknown = block(model, parameters) ?? {};
    if (!isPlainObject(own)) {
      throw new TraceError(
        "With { outputs: 'model' } the block of an intervention returns an object or nothing: the model's outputs go in beside what it holds.",
        site,
      );
    }
    const outputs = savedOutputs(TypedModel.of(builder().forward!).map);
    const double = Object.keys(own).find((name) => Object.hasOwn(outputs, name));
    if (double !== undefined) {
      throw new TraceError(
        `The block returns '${double}', which is an output of the model, too. With { outputs: 'model' } that comes back anyway: leave it out, or call it something else.`,
        site,
      );
    }
    return { ...outputs, ...own };
  };
}

/** Whether a value was made by `intervention`. */
export function isIntervention(value: unknown): value is InterventionFunction {
  return keptBy(value) instanceof Kept;
}

/** Whether an intervention was made by another copy of the library: its blocks cannot use this copy's values. */
export function isForeignIntervention(value: unknown): boolean {
  const kept = keptBy(value);
  return kept !== null && !(kept instanceof Kept);
}

function keptBy(value: unknown): unknown {
  return typeof value === 'function' && MARK in value ? value[MARK] : null;
}

/** An intervention as a graph over a model, before anything is known of the inputs' sizes. */
export interface BuiltIntervention {
  readonly tracing: Tracing;
  /** What the block returned: saved proxies in objects and arrays. */
  readonly returned: unknown;
  /** What it changes outside of the block as the run decides. */
  readonly changed: readonly Changed[];
  /** The operands that stand for the parameters. */
  readonly parameters: ReadonlyMap<Value, InterventionParameter>;
}

/** Builds the graph of an intervention for inputs of any size. Throws a TraceError for mistakes in the block. */
export async function buildIntervention(map: ModelMap, intervention: InterventionFunction) {
  // The next intervention for this model may attach others.
  const { attached } = map.names;
  const before = [...attached];
  try {
    return await build(map, intervention);
  } finally {
    attached.clear();
    for (const [path, one] of before) attached.set(path, one);
  }
}

async function build(map: ModelMap, intervention: InterventionFunction): Promise<BuiltIntervention> {
  const { parameters } = intervention;
  const { block, attach } = intervention[MARK];
  const model = new LoadedModel(map, new PlainInputs(map.model), { device: 'cpu', fuse: false });
  const envoy = new Model(model);
  const { whole } = envoy;
  await attach?.(envoy);
  const shapes = await shapesFor(map, new Map());
  const tracing = new Tracing();
  const values = new Map<Value, InterventionParameter>();
  let returned: unknown;
  const { changed } = tracing.record(() => {
    const proxies = parameters.map((parameter): [string, Traced] => {
      const { name, dtype, dims } = parameter;
      const shape = dims.map((dim) => (typeof dim === 'number' ? dim : null));
      // The caller's value is not known yet: the operand's data is never read.
      const value = tracing.builder.operand({ dtype, shape }, { dims: [], data: [] });
      values.set(value, parameter);
      return [name, asTraced(wrap(tracing.builder, value))];
    });
    const forward = model.openForward(tracing, shapes, new Map());
    returned = tracing.builder.inForward(forward, () => block(whole, declaredParameters(proxies)));
    return returned;
  });
  return { tracing, returned, parameters: values, changed };
}
