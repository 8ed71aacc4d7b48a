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

  /**
   * @throws TypeError for anything but parameters, and for options that the optimizer does not have
   */
  constructor(parameters: Iterable<AnyParameter>, given: Partial<O>, defaults: O) {
    this.parameters = [...parameters];
    for (const parameter of this.parameters) {
      if (!(parameter instanceof Parameter)) {
        throw new TypeError('an optimizer takes parameters: new Adam([new Parameter(zeros)], { lr: 0.01 })');
      }
    }
    const name = new.target.name;
    if (this.parameters.length === 0) throw new TypeError(`${name} got an empty list of parameters`);
    const wrong = unknownOption(name, given, Object.keys(defaults));
    if (wrong !== null) throw new TypeError(wrong);
    for (const [option, value] of Object.entries(given)) {
      const otherwise = defaults[option as keyof O];
      if (value !== undefined && typeof value !== typeof otherwise) {
        throw new TypeError(`${name}: ${option} is a ${typeof value}, and must be a ${typeof otherwise}`);
      }
      if (typeof value === 'number' && !(value >= 0 && Number.isFinite(value))) {
        throw new RangeError(`${name}: ${option} is ${value}, and must be a number from 0 on`);
      }
    }
    const set = Object.entries(given).filter(([, value]) => value !== undefined);
    this.options = { ...defaults, ...Object.fromEntries(set) };
  }

  /** One step: every parameter that has a gradient changes. */
  step(): void {
    for (const parameter of this.parameters) {
      const { grad, raw, dtype } = parameter;
      if (!grad) continue;
      if (!(grad instanceof Tensor)) {
        throw new TypeError(
          'step() changes numbers in memory, and in a block a gradient has none yet: call it behind the trace, when that has run',
        );
      }
      const elements = dtype === 'float16' ? Float64Array.from(raw, decodeFloat16) : Float64Array.from(raw);
      const gradient = Float64Array.from(grad.data);
      if (this.options.maximize) for (let i = 0; i < gradient.length; i++) gradient[i] = -gradient[i]!;
      this.update(parameter, elements, gradient);
      for (let i = 0; i < raw.length; i++) raw[i] = dtype === 'float16' ? encodeFloat16(elements[i]!) : elements[i]!;
    }
  }

  /** Forgets the gradients. */
  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.zeroGrad();
  }

  /** Changes the elements of one parameter. */
  protected abstract update(parameter: AnyParameter, elements: Float64Array, gradient: Float64Array): void;
}
