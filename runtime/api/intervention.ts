import { TraceError } from '../errors.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Value } from '../graph/types.ts';
import { type Inputs, matchInputs } from '../inputs/signature.ts';
import { block as compiledBlock } from '../operators/blocks.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import { activeBuilder, builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { ours } from '../tracing/harmless.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type { Intervention, InterventionParameter, ParameterSpecs, TracedParameters } from '../types/intervention.ts';
import type { ModelInputs, ModelMembers, NNsight, Prompt } from '../types/model.ts';
import type { EnvoyMembers } from '../types/module.ts';
import type { Traced } from '../types/tensor.ts';
import { type Block, checkCompiled } from './blocks.ts';
import { PlainInputs } from './input-maker.ts';
import { LoadedModel } from './loaded-model.ts';
import type { ModelMap } from './locate.ts';
import { Model } from './model.ts';
import { parseParameters } from './parameter-spec.ts';
import { shapesFor } from './shapes.ts';
import { Tracing } from './tracing.ts';

/** Marks interventions, those of another copy of the library too; the value tells which copy made them. */
const MARK = Symbol.for('onnsight.intervention');

type InterventionBlock = Block<[model: EnvoyMembers, parameters: Readonly<Record<string, Traced>>]>;

/** What an intervention of this copy of the library keeps to itself. */
class Kept {
  readonly block: InterventionBlock;

  constructor(block: InterventionBlock) {
    this.block = block;
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
export function intervention<const P extends ParameterSpecs, const R, M extends EnvoyMembers = NNsight>(
  parameters: P,
  block: (model: M, parameters: TracedParameters<P>) => R,
): Intervention<P, M, R>;
export function intervention<const R, M extends EnvoyMembers = NNsight>(
  block: (model: M) => R,
): Intervention<Record<never, never>, M, R>;
export function intervention(
  specs: Readonly<Record<string, string>> | InterventionBlock,
  given?: InterventionBlock,
): InterventionFunction {
  const [declared, block] = typeof specs === 'function' ? [{}, specs] : [specs, given];
  if (typeof block !== 'function' || !isPlainObject(declared)) {
    throw new TraceError(
      "intervention needs a block: intervention({ alpha: 'float32' }, (model, { alpha }) => { … }).",
      callerSite(),
    );
  }
  checkCompiled(block);
  const parameters = parseParameters(declared);
  const names = new Set(parameters.map(({ name }) => name));

  const run = async (
    model: ModelMembers<Prompt>,
    inputs: ModelInputs | string,
    more: Inputs = {},
  ): Promise<unknown> => {
    if (activeBuilder()) {
      throw new TraceError(
        'An intervention is run inside a block. To make it a part of this block call its inside(model, parameters).',
        callerSite(),
      );
    }
    const merged = isPlainObject(inputs) ? inputs : {};
    const own = Object.entries({ ...merged, ...more }).filter(([name]) => names.has(name));
    const unknown = Object.keys(more).find((name) => !names.has(name));
    if (unknown !== undefined) throw new TraceError(`${noParameter(unknown)}`, callerSite());
    const values = matchInputs(parameters, Object.fromEntries(own) as Inputs);
    const rest = isPlainObject(inputs)
      ? Object.fromEntries(Object.entries(inputs).filter(([name]) => !names.has(name)))
      : inputs;
    const traced = () => {
      const proxies = [...values].map(([name, { dtype, dims, raw }]): [string, Traced] => [
        name,
        asTraced(wrap(builder(), builder().operand({ dtype, shape: dims }, { dims, data: raw }))),
      ]);
      return block(model, Object.fromEntries(proxies));
    };
    return model.trace(rest, compiledBlock(traced));
  };

  const inside = (model: EnvoyMembers, values: Readonly<Record<string, unknown>> = {}): unknown => {
    builder();
    const unknown = Object.keys(values).find((name) => !names.has(name));
    if (unknown !== undefined) throw new TraceError(noParameter(unknown), callerSite());
    const proxies = parameters.map(({ name, dtype }): [string, Traced] => {
      const value = Object.hasOwn(values, name) ? values[name] : undefined;
      if (value === undefined) throw new TraceError(`The parameter '${name}' is missing.`, callerSite());
      return [name, asTraced(toProxy(value, dtype))];
    });
    return block(model, Object.fromEntries(proxies));
  };

  const noParameter = (name: string) =>
    `The intervention has no parameter '${name}'. It has ${[...names].join(', ') || 'none'}.`;

  const made = Object.assign(run, { parameters, inside, [MARK]: new Kept(block) });
  Object.defineProperty(made, MARK, { enumerable: false });
  ours(made);
  return made;
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
  /** The operands that stand for the parameters. */
  readonly parameters: ReadonlyMap<Value, InterventionParameter>;
}

/** Builds the graph of an intervention for inputs of any size. Throws a TraceError for mistakes in the block. */
export async function buildIntervention(map: ModelMap, intervention: InterventionFunction) {
  const { parameters } = intervention;
  const { block } = intervention[MARK];
  const model = new LoadedModel(map, new PlainInputs(map.model), { device: 'cpu', fuse: false });
  const { whole } = new Model(model);
  const shapes = await shapesFor(map, new Map());
  const tracing = new Tracing();
  const values = new Map<Value, InterventionParameter>();
  let returned: unknown;
  tracing.build(() => {
    const proxies = parameters.map((parameter): [string, Traced] => {
      const { name, dtype, dims } = parameter;
      const shape = dims.map((dim) => (typeof dim === 'number' ? dim : null));
      // The caller's value is not known yet: the operand's data is never read.
      const value = tracing.builder.operand({ dtype, shape }, { dims: [], data: [] });
      values.set(value, parameter);
      return [name, asTraced(wrap(tracing.builder, value))];
    });
    const forward = model.openForward(tracing, shapes, new Map());
    returned = tracing.builder.inForward(forward, () => block(whole, Object.fromEntries(proxies)));
    return returned;
  });
  return { tracing, returned, parameters: values } satisfies BuiltIntervention;
}
