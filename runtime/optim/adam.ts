import type { AnyParameter } from '../tensor/parameter.ts';
import { type Moments, Optimizer, type OptimizerOptions } from './optimizer.ts';

export interface AdamOptions extends OptimizerOptions {
  /** How slowly the means of the gradient and of its square change. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the mean square, so that nothing is divided by 0. */
  readonly eps?: number;
  /** Whether the largest mean square so far counts. */
  readonly amsgrad?: boolean;
}

const DEFAULTS: Required<AdamOptions> = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
};

/** The moments that Adam keeps for a parameter. */
interface State {
  steps: number;
  readonly mean: Moments;
  readonly square: Moments;
  readonly largest: Moments;
}

abstract class AdamLike extends Optimizer<Required<AdamOptions>> {
  readonly #states = new Map<AnyParameter, State>();

  protected override checkOptions(): void {
    super.checkOptions();
    const { betas } = this.options;
    if (betas.length !== 2 || betas.some((beta) => !(typeof beta === 'number' && beta >= 0 && beta < 1))) {
      throw new RangeError(`${this.constructor.name}: betas are ${betas.join(' and ')}, and are two numbers in [0, 1)`);
    }
  }

  /** Where weight decay acts: on the gradient, or on the elements themselves. */
  protected abstract get isDecoupled(): boolean;

  protected override update(parameter: AnyParameter, elements: Float64Array, gradient: Float64Array): void {
    const { lr, eps, weightDecay, amsgrad } = this.options;
    const [first, second] = this.options.betas;
    const state = this.#state(parameter, elements.length);
    const { mean, square, largest } = state;
    state.steps++;
    const [correction, squareCorrection] = [1 - first ** state.steps, 1 - second ** state.steps];
    for (let i = 0; i < elements.length; i++) {
      if (this.isDecoupled) elements[i]! *= 1 - lr * weightDecay;
      const slope = gradient[i]! + (this.isDecoupled ? 0 : weightDecay * elements[i]!);
      mean[i] = first * mean[i]! + (1 - first) * slope;
      square[i] = second * square[i]! + (1 - second) * slope * slope;
      largest[i] = Math.max(largest[i]!, square[i]!);
      const root = Math.sqrt((amsgrad ? largest[i]! : square[i]!) / squareCorrection);
      elements[i]! -= (lr * mean[i]!) / correction / (root + eps);
    }
  }

  #state(parameter: AnyParameter, size: number): State {
    const moments = () => new Float64Array(size);
    const known = this.#states.get(parameter);
    const state = known ?? { steps: 0, mean: moments(), square: moments(), largest: moments() };
    this.#states.set(parameter, state);
    return state;
  }
}

/** Adam, as torch.optim.Adam: `weightDecay` (0 unless given) is added to the gradient. */
export class Adam extends AdamLike {
  protected override get isDecoupled(): boolean {
    return false;
  }

  constructor(parameters: Iterable<AnyParameter>, options: AdamOptions = {}, ...more: readonly never[]) {
    super(parameters, options, DEFAULTS, more);
  }
}

/** Adam with decoupled weight decay, as torch.optim.AdamW: `weightDecay` (0.01 unless given) acts on the elements. */
export class AdamW extends AdamLike {
  protected override get isDecoupled(): boolean {
    return true;
  }

  constructor(parameters: Iterable<AnyParameter>, options: AdamOptions = {}, ...more: readonly never[]) {
    super(parameters, options, { ...DEFAULTS, weightDecay: 1e-2 }, more);
  }
}
