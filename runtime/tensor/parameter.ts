import { refuseMore } from '../arguments.ts';
import type { DType } from '../graph/types.ts';
import { noteOfParameters } from './of-parameters.ts';
import { isFloatDType } from './storage.ts';
import { type AnyTensor, at, Tensor, type TensorData } from './tensor.ts';

export type FloatDType = 'float16' | 'float32' | 'float64';

/** A parameter of any floating-point dtype. */
export type AnyParameter = Parameter<'float16'> | Parameter<'float32'> | Parameter<'float64'>;

/** What a parameter is in the block that is recorded now. */
export interface ParameterInBlock {
  /** Its gradient; undefined, and not written, where no block runs that has one. */
  read(parameter: object): unknown;
  write(parameter: object, gradient: unknown): boolean;
  /** What stands for it, so that gradients come back from its slices and views; null outside of blocks. */
  traced(parameter: object): Viewed | null;
  /** @throws TraceError in a block, for what acts at once */
  checkOutside(what: string): void;
}

export interface Viewed {
  readonly [key: string]: unknown;
  reshape(...sizes: readonly unknown[]): unknown;
  to(dtype: unknown): unknown;
}

/** What `Parameter` of the package makes. */
export class Parameter<D extends FloatDType = 'float32'> extends Tensor<D> {
  /** Set by what traces. */
  static inBlock: ParameterInBlock = {
    read: () => undefined,
    write: () => false,
    traced: () => null,
    checkOutside: () => {},
  };
  #sum: Tensor<D> | null = null;

  constructor(data: TensorData, dtype?: D, ...more: readonly never[]) {
    refuseMore('new Parameter(data, dtype)', more);
    const given = Tensor.from(data as AnyTensor, floatOf(data, dtype)) as unknown as Tensor<D>;
    super(given.dtype as D, given.dims, given.raw.slice() as Tensor<D>['raw']);
    noteOfParameters(this);
  }

  override [at](key: string): unknown {
    const traced = Parameter.inBlock.traced(this);
    return traced ? traced[key] : super[at](key);
  }

  override reshape(...sizes: readonly number[] | readonly [readonly number[]]): Tensor<D> {
    const traced = Parameter.inBlock.traced(this);
    return traced ? (traced.reshape(...sizes) as Tensor<D>) : super.reshape(...(sizes as readonly number[]));
  }

  override to<T extends DType>(dtype: T | Tensor<T>): Tensor<T> {
    const traced = Parameter.inBlock.traced(this);
    return traced ? (traced.to(dtype) as Tensor<T>) : super.to(dtype);
  }

  /**
   * The gradients of all traces since `zeroGrad()`, added up, of this shape and dtype; null before the first one. In a
   * block: the gradient of the last backward pass.
   */
  get grad(): Tensor<D> | null {
    return (Parameter.inBlock.read(this) as Tensor<D> | undefined) ?? this.#sum;
  }

  /** In a block also what is computed there, and whatever has this shape once it is broadcast. */
  set grad(gradient: TensorData | null) {
    if (Parameter.inBlock.write(this, gradient)) return;
    this.#sum = gradient === null ? null : this.#fitting(gradient);
  }

  #fitting(data: TensorData): Tensor<D> {
    const given = data instanceof Tensor || ArrayBuffer.isView(data) ? Tensor.from(data as AnyTensor) : null;
    const gradient = given ?? (Tensor.from(data as number[], this.dtype) as AnyTensor);
    if (gradient.dtype === this.dtype && gradient.dims.join() === this.dims.join()) return gradient as Tensor<D>;
    throw new TypeError(
      `the gradient of a parameter of ${this.dtype}[${this.dims.join(', ')}] cannot be a tensor of ${gradient.dtype}[${gradient.dims.join(', ')}]`,
    );
  }

  /** Forgets the gradient. */
  zeroGrad(...more: readonly never[]): void {
    refuseMore('zeroGrad()', more);
    Parameter.inBlock.checkOutside('zeroGrad()');
    this.#sum = null;
  }
}

/** The dtype that is asked for; else numbers become float32, and a typed array or a tensor has to hold floats already. */
function floatOf(data: TensorData, wanted: DType | undefined): FloatDType {
  const isTyped = data instanceof Tensor || ArrayBuffer.isView(data);
  const dtype = wanted ?? (isTyped ? (Tensor.from(data) as AnyTensor).dtype : 'float32');
  if (!isFloatDType(dtype)) {
    const found = typeof dtype === 'string' ? dtype : 'this';
    throw new TypeError(`a Parameter holds floating-point numbers, not ${found}: only they have gradients`);
  }
  return dtype;
}
