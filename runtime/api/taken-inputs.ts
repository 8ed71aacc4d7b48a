import { TOKEN_IDS } from '../inputs/convention.ts';
import { prepareInputs } from '../inputs/prepare.ts';
import { convertInputs, type Inputs } from '../inputs/signature.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import { builder } from '../tracing/builder.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { TracedTensor } from '../tracing/traced-tensor.ts';
import { givenAt } from './at-caller.ts';
import type { LateInputs } from './late-inputs.ts';

/** Inputs of a trace of a session, some of which are values of earlier traces. */
export interface TakenInputs extends LateInputs {
  /** What is known before the run: data, and stand-ins for values of which all sizes are known; null if one is not. */
  readonly known: ReadonlyMap<string, InputTensor> | null;
  /** The sizes of the inputs, as far as they are known. */
  readonly dims: Readonly<Record<string, readonly (number | null)[]>>;
}

/** A value of an earlier trace is the model's first input: of a language model the tokens. */
export function byName(model: OnnxModel, inputs: unknown): unknown {
  if (!(inputs instanceof TensorProxy)) return inputs;
  const names = model.inputs.map(({ name }) => name);
  return { [names.includes(TOKEN_IDS) ? TOKEN_IDS : names[0]!]: inputs };
}

/**
 * Tells values of earlier traces from data. Throws an InputError at once for what cannot fit, as far as it is known, else
 * when the trace runs.
 */
export function takeInputs(model: OnnxModel, inputs: Readonly<Record<string, unknown>>): TakenInputs {
  const { site } = builder();
  const taken = Object.entries(inputs).filter(
    (entry): entry is [string, TensorProxy] => entry[1] instanceof TensorProxy,
  );
  const values = new Map(taken.map(([name, proxy]) => [name, proxy[inner].value()]));
  const data = (tensors: ReadonlyMap<string, InputTensor>) => ({ ...inputs, ...Object.fromEntries(tensors) }) as Inputs;
  const prepare = (tensors: ReadonlyMap<string, InputTensor>) =>
    givenAt(
      () => site,
      () => prepareInputs(model, data(tensors)),
    );
  const standIns = taken.map(([name, proxy]) => [name, standIn(proxy[inner].type)] as const);
  const found = standIns.filter((entry): entry is [string, Tensor] => entry[1] !== null);
  const known = found.length === taken.length ? prepare(new Map(found)) : null;
  const sized =
    known ??
    (new Map(Object.entries(inputs).filter(([, given]) => given instanceof Tensor)) as ReadonlyMap<
      string,
      InputTensor
    >);
  const dims = Object.fromEntries([
    ...Array.from(sized, ([name, tensor]) => [name, tensor.dims] as const),
    ...taken.flatMap(([name, proxy]) => {
      const { shape } = proxy[inner].type;
      return shape ? [[name, shape] as const] : [];
    }),
  ]);
  const own = Object.fromEntries(Object.entries(inputs).filter(([name]) => !values.has(name))) as Inputs;
  const convert = () =>
    givenAt(
      () => site,
      () => convertInputs(model.inputs, own),
    );
  return { known, dims, values, prepare, data: convert, site };
}

/** Zeros in the place of a value; null if a size is not known before the run. */
function standIn({ dtype, shape }: TracedTensor['type']): Tensor | null {
  if (!shape || shape.includes(null)) return null;
  const dims = shape as number[];
  const zeros = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0);
  return Tensor.from(zeros, dtype as 'float32', dims);
}
