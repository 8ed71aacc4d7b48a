import { refuseMore } from '../arguments.ts';
import { unknownOption } from '../nearest.ts';
import { decodeFloat16, encodeFloat16 } from '../tensor/float16.ts';
import { type AnyParameter, Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The options that all optimizers take. */
export interface OptimizerOptions {
  /** The learning rate; 0.001 unless given. */
  readonly lr?: number;
  /** How much of a parameter is added to its gradient (of AdamW: taken off the parameter). */
  readonly weightDecay?: number;
  /** Whether the loss is to grow. */
  readonly maximize?: boolean;
}

/** Numbers kept for each element of a parameter from step to step. */
export type Moments = Float64Array;

/** Changes parameters by their gradients, as torch.optim does: on the elements in memory, in place. */
export abstract class Optimizer<O extends Required<OptimizerOptions>> {
  readonly parameters: readonly AnyParameter[];
  /** The options, with their defaults; `lr` and the others may be changed between steps. */
  readonly options: { -readonly [K in keyof O]: O[K] };
  readonly #defaults: O;

  /**
   * @throws TypeError for anything but parameters, and for options that the optimizer does not have
   */
  constructor(parameters: Iterable<AnyParameter>, given: Partial<O>, defaults: O, more: readonly unknown[]) {
    const name = new.target.name;
    this.parameters = parametersOf(parameters);
    if (this.parameters.length === 0) throw new TypeError(`${name} got an empty list of parameters`);
    if (new Set(this.parameters).size < this.parameters.length) {
      throw new TypeError(`${name} got a parameter twice, which would change twice at each step`);
    }
    refuseMore(`new ${name}(parameters, options)`, more);
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw new TypeError(`${name} takes its options by their names: { lr: 0.01 }`);
    }
    const wrong = unknownOption(name, given, Object.keys(defaults));
    if (wrong !== null) throw new TypeError(wrong);
    const set = Object.entries(given).filter(([, value]) => value !== undefined);
    // Options may be changed, and there are no others.
    this.options = Object.seal({ ...defaults, ...Object.fromEntries(set) });
    this.#defaults = defaults;
    this.checkOptions();
    // Another name would be set without a word, and change nothing.
    Object.freeze(this);
  }

  /** The learning rate, which may change between steps. */
  get lr(): number {
    return this.options.lr;
  }

  set lr(rate: number) {
    this.options.lr = rate;
  }

  /** @throws TypeError or RangeError for a value that an option does not take */
  protected checkOptions(): void {
    const { name } = this.constructor;
    for (const [option, value] of Object.entries(this.options)) {
      const otherwise: unknown = this.#defaults[option as keyof O];
      if (typeof value !== typeof otherwise || Array.isArray(value) !== Array.isArray(otherwise)) {
        throw new TypeError(`${name}: ${option} is ${kindOf(value)}, and must be ${kindOf(otherwise)}`);
      }
      if (typeof value === 'number' && !(value >= 0 && Number.isFinite(value))) {
        throw new RangeError(`${name}: ${option} is ${value}, and must be a number from 0 on`);
      }
    }
  }

  /** One step: every parameter that has a gradient changes. */
  step(...more: readonly never[]): void {
    refuseMore('step()', more);
    Parameter.inBlock.checkOutside('step()');
    this.checkOptions();
    for (const parameter of this.parameters) {
      const { grad, raw, dtype } = parameter;
      if (!grad) continue;
      const elements = dtype === 'float16' ? Float64Array.from(raw, decodeFloat16) : Float64Array.from(raw);
      const gradient = Float64Array.from(grad.data);
      if (this.options.maximize) for (let i = 0; i < gradient.length; i++) gradient[i] = -gradient[i]!;
      this.update(parameter, elements, gradient);
      for (let i = 0; i < raw.length; i++) raw[i] = dtype === 'float16' ? encodeFloat16(elements[i]!) : elements[i]!;
    }
  }

  /** Forgets the gradients. */
  zeroGrad(...more: readonly never[]): void {
    refuseMore('zeroGrad()', more);
    for (const parameter of this.parameters) parameter.zeroGrad();
  }

  /** Changes the elements of one parameter. */
  protected abstract update(parameter: AnyParameter, elements: Float64Array, gradient: Float64Array): void;
}

function parametersOf(given: unknown): AnyParameter[] {
  const isList = typeof given === 'object' && given !== null && !(given instanceof Tensor) && Symbol.iterator in given;
  const found = isList ? [...(given as Iterable<AnyParameter>)] : [null];
  if (found.every((one) => one instanceof Parameter)) return found;
  throw new TypeError('an optimizer takes parameters in a list: new Adam([new Parameter(zeros)], { lr: 0.01 })');
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
