import { UserError } from '../errors.ts';
import type { DType } from '../graph/types.ts';
import type { ModelTensor } from '../onnx/model-tensor.ts';
import { fitting } from '../tensor/fitting.ts';
import { flattenNested } from '../tensor/nested.ts';
import { dtypeOfArray, encode, isFloatDType } from '../tensor/storage.ts';
import { type InputTensor, type NestedStrings, StringTensor } from '../tensor/string-tensor.ts';
import { Tensor, type TensorData } from '../tensor/tensor.ts';
import { fillIn, isPast, maskFault } from './convention.ts';

/** An input that does not fit the model. */
export class InputError extends UserError {
  override readonly name = 'InputError';

  get code(): string {
    return 'ONN2002';
  }
}

/** What one input is made from: numbers and truths, or texts where the model takes strings. */
export type InputData = TensorData | NestedStrings | StringTensor;
/** What a model is run on, by the names of its inputs; one that is undefined is not given. */
export type Inputs = Readonly<Record<string, InputData | undefined>>;

/**
 * Checks and converts what was given for some inputs: dtype, number of dimensions, fixed sizes. What the published
 * convention for language models lets be left out is filled in: attention mask, position ids, an empty key-value cache.
 */
export function matchInputs(inputs: readonly ModelTensor[], given: Inputs): Map<string, InputTensor> {
  const prepared = convertInputs(inputs, given);
  const fault = maskFault(inputs, prepared);
  if (fault !== null) throw new InputError(`The inputs do not fit together: ${fault}.`);
  fillIn(inputs, prepared);
  // What needs an input that cannot be given fails; other parts of the model run without it.
  const missing = inputs.filter(({ name, dtype }) => dtype !== null && !prepared.has(name));
  if (missing.length > 0) throw new InputError(`Missing inputs: ${missing.map(describe).join(', ')}.`);
  checkSymbols(inputs, prepared);
  return prepared;
}

/** Checks and converts some inputs, each by itself: others may be missing. */
export function convertInputs(inputs: readonly ModelTensor[], given: Inputs): Map<string, InputTensor> {
  if (typeof given !== 'object' || given === null) {
    throw new InputError(
      `The inputs are ${given === null ? 'null' : typeof given}. Give an object with the model's inputs: ${inputs.map(describe).join(', ')}.`,
    );
  }
  const prepared = new Map<string, InputTensor>();
  const known = new Map(inputs.map((input) => [input.name, input]));
  for (const [name, data] of Object.entries(given)) {
    const input = known.get(name);
    if (!input)
      throw new InputError(`The model has no input '${name}'. Its inputs are: ${inputs.map(describe).join(', ')}.`);
    if (data === undefined) continue;
    if (input.dtype === null && !isOfStrings(input))
      throw new InputError(`The input ${describe(input)} cannot be given: ${unfit(input)}.`);
    prepared.set(name, convert(input, data));
  }
  return prepared;
}

function describe({ name, dtype, element, dims }: ModelTensor): string {
  return `${name} (${dtype ?? element ?? 'no tensor'}${dims ? `[${dims.map((dim) => dim ?? '?').join(', ')}]` : ''})`;
}

function unfit({ element }: ModelTensor): string {
  return element === undefined
    ? 'it is a sequence, a map or optional, and only tensors can be given'
    : `only tensors of numbers, truths and texts can be given, and this one is of ${element}`;
}

function isOfStrings({ element }: ModelTensor): boolean {
  return element === 'string';
}

function convert(input: ModelTensor, data: InputData): InputTensor {
  let tensor: InputTensor;
  try {
    tensor = isOfStrings(input) ? StringTensor.from(data) : numbers(input, data as TensorData);
  } catch (error) {
    throw new InputError(
      `The input ${describe(input)} cannot be made from the value that was given: ${error instanceof Error ? error.message : error}.`,
      {
        cause: error,
      },
    );
  }
  const { dims } = input;
  const at = dims?.findIndex((dim, i) => typeof dim === 'number' && dim !== tensor.dims[i]) ?? -1;
  const isOfOther = dims && dims.length !== tensor.dims.length;
  if (!isOfOther && at < 0) return tensor;
  const wanted = isOfOther ? `has ${dims.length} dimensions` : `must have size ${dims![at]} in dimension ${at}`;
  throw new InputError(
    `The input ${describe(input)} ${wanted}, but a tensor of dims [${tensor.dims.join(', ')}] was given.`,
  );
}

/** A tensor of the dtype that an input has. */
function numbers({ dtype }: ModelTensor, data: TensorData): Tensor {
  // A tensor is fed as it is: a key-value cache is not copied from step to step.
  if (data instanceof Tensor) return fed(data as Tensor, dtype);
  const { dims, values, dtype: own } = flattenNested(data);
  // A list has no dtype of its own: its numbers are the input's if they fit.
  const isList = dtypeOfArray(values) === null && values.length > 0;
  const target = dtype && isList && (isFloatDType(dtype) || Array.from(values).every(isWhole)) ? dtype : own;
  return fed(new Tensor(target as 'float32', dims, encode(values, target as 'float32')), dtype);
}

function isWhole(value: number | bigint | boolean): boolean {
  return typeof value !== 'number' || Number.isInteger(value);
}

function fed(tensor: Tensor, dtype: DType | null): Tensor {
  if (!dtype || tensor.dtype === dtype) return tensor;
  const loses = tensor.dtype.startsWith('float') && !dtype.startsWith('float');
  if (loses) throw new TypeError(tensor.raw.length > 0 ? `it holds ${tensor.dtype} values` : 'it has no elements');
  return fitting(tensor, dtype);
}

/** As matchInputs, for what is declared by dtypes: nothing of it is texts. */
export function matchNumbers(
  declared: readonly (ModelTensor & { dtype: DType })[],
  given: Inputs,
): Map<string, Tensor> {
  return matchInputs(declared, given) as Map<string, Tensor>;
}

/** Sizes with one name must be equal. */
function checkSymbols(inputs: readonly ModelTensor[], prepared: ReadonlyMap<string, InputTensor>): void {
  const sizes = new Map<string, { size: number; name: string }>();
  for (const { name, dims } of inputs) {
    const tensor = prepared.get(name);
    // An empty cache is as long as nothing.
    if (!tensor || (isPast(name) && tensor.dims.includes(0))) continue;
    dims?.forEach((dim, i) => {
      if (typeof dim !== 'string') return;
      const size = tensor.dims[i]!;
      const other = sizes.get(dim);
      if (other && other.size !== size) {
        throw new InputError(
          `The inputs '${other.name}' and '${name}' do not fit together: '${dim}' is ${other.size} in one and ${size} in the other.`,
        );
      }
      sizes.set(dim, { size, name });
    });
  }
}
