import type { AnyParameter } from '../tensor/parameter.ts';
import { type Moments, Optimizer, type OptimizerOptions } from './optimizer.ts';

export interface SGDOptions extends OptimizerOptions {
  /** How much of the last step goes into the next one. */
  readonly momentum?: number;
  /** How much of the gradient is left out of the momentum. */
  readonly dampening?: number;
  /** Whether the gradient is taken where the momentum leads (Nesterov). */
  readonly nesterov?: boolean;
}

const DEFAULTS: Required<SGDOptions> = {
  lr: 1e-3,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
};

/** Stochastic gradient descent, as torch.optim.SGD. */
export class SGD extends Optimizer<Required<SGDOptions>> {
  readonly #velocities = new Map<AnyParameter, Moments>();

  constructor(parameters: Iterable<AnyParameter>, options: SGDOptions = {}, ...more: readonly never[]) {
    super(parameters, options, DEFAULTS, more);
  }

  protected override checkOptions(): void {
    super.checkOptions();
    const { nesterov, momentum, dampening } = this.options;
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new RangeError('SGD: nesterov needs a momentum and no dampening');
    }
  }

  protected override update(parameter: AnyParameter, elements: Float64Array, gradient: Float64Array): void {
    const { lr, momentum, dampening, weightDecay, nesterov } = this.options;
    const known = this.#velocities.get(parameter);
    const velocity = known ?? new Float64Array(elements.length);
    for (let i = 0; i < elements.length; i++) {
      const slope = gradient[i]! + weightDecay * elements[i]!;
      // The first step has no momentum to dampen.
      velocity[i] = known ? momentum * velocity[i]! + (1 - dampening) * slope : slope;
      const step = momentum === 0 ? slope : nesterov ? slope + momentum * velocity[i]! : velocity[i]!;
      elements[i]! -= lr * step;
    }
    if (momentum !== 0) this.#velocities.set(parameter, velocity);
  }
}
