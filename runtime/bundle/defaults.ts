import type { DType } from '../graph/types.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { BundleError } from './error.ts';
import type { BundleParameter } from './manifest-types.ts';

type Default = NonNullable<BundleParameter['default']>;

/** The default of a parameter as a manifest has it: numbers, and texts of those that JSON has no numbers for. */
export function defaultToJson({ dims, data }: AnyTensor): Default {
  const element = (value: number | bigint): number | string => {
    const number = Number(value);
    const isExact = typeof value === 'bigint' ? BigInt(number) === value : Number.isFinite(number);
    if (isExact && !Object.is(number, -0)) return number;
    return Object.is(number, -0) ? '-0' : String(value);
  };
  return { dims: [...dims], data: Array.from(data as ArrayLike<number | bigint>, element) };
}

/** The default of a parameter; undefined if it has none. Throws a BundleError for one that is no tensor of its dtype. */
export function defaultFromJson(parameter: BundleParameter, place: string): Tensor | undefined {
  if (parameter.default === undefined) return undefined;
  const { dims, data } = parameter.default;
  const dtype = parameter.dtype as DType;
  try {
    const isLong = dtype === 'int64' || dtype === 'uint64';
    const elements = data.map((one) => (isLong ? BigInt(one) : Number(one)));
    return Tensor.from(elements, dtype as 'float32', dims);
  } catch (error) {
    throw new BundleError(`${place}: the default of '${parameter.name}' is not a ${dtype} tensor of its dims.`, {
      cause: error,
    });
  }
}
