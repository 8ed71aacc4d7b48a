import { isFloat } from '../graph/promotion.ts';
import type { Value } from '../graph/types.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { toProxy } from '../tracing/apply.ts';
import { type Builder, builder } from '../tracing/builder.ts';
import { formInFile, fromFile, TracedPass } from '../tracing/gradients.ts';
import { inner } from '../tracing/hidden.ts';
import { owning, TensorProxy } from '../tracing/proxy.ts';
import type { GradOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { asTraced, fail, node, operand } from './nodes.ts';
import { optionsOf } from './options.ts';
import { withSignature } from './with-signature.ts';

/**
 * Opens a backward pass: from here on `x.grad` is the gradient of `loss` by `x`, for every tensor of the trace that the
 * loss depends on (outputs and inputs of modules, operations, values of the block, parameters), in any order, read or set.
 * Another call opens the next pass.
 * @param loss a floating-point tensor of one element, or of any shape where `gradient` is given
 * @param gradient what comes in at the loss (of its shape); 1 unless given
 */
export const backward = withSignature('backward', (loss: Operand, gradient?: Operand): void => {
  const target = builder();
  target.passes.open(openPass(target, 'backward', loss, gradient));
});

/** `grad`: of one tensor there is one gradient, of an array there are as many. */
export interface Grad {
  (loss: Operand, inputs: Traced | AnyTensor, options?: GradOptions): Traced;
  (loss: Operand, inputs: readonly (Traced | AnyTensor)[], options?: GradOptions): Traced[];
}

/**
 * The gradients of `loss` by some tensors, each of its tensor's shape and dtype; no pass is left open. They are values
 * like others: a loss may be computed from them, and has gradients of its own.
 * @param inputs tensors of the trace, `Parameter`s and other tensors that the loss is computed from
 * @throws TraceError where the loss does not depend on one of them, unless `allowUnused` (it is undefined when it comes
 *   back) or `materializeGrads` (it is zeros)
 */
export const grad: Grad = withSignature('grad', ((
  loss: Operand,
  inputs: Traced | AnyTensor | readonly (Traced | AnyTensor)[],
  options?: GradOptions,
): Traced | Traced[] => {
  const {
    gradient,
    allowUnused = false,
    materializeGrads = false,
  } = optionsOf<GradOptions>('grad', options, ['gradient', 'allowUnused', 'materializeGrads']);
  const target = builder();
  const pass = openPass(target, 'grad', loss, gradient);
  const by = (given: unknown) => {
    const input = given instanceof Tensor ? toProxy(given) : given;
    if (!(input instanceof TensorProxy)) {
      fail('grad(loss, inputs): the inputs are tensors, one or an array of them.');
    }
    const value = input[inner].value();
    if (!isFloat(value.type.dtype)) {
      fail(
        `grad: the gradient by a tensor of ${value.type.dtype} is asked for: only floating-point tensors have gradients.`,
      );
    }
    const form = formInFile(input[inner]);
    const made = pass.node(
      form?.inFile.value() ?? value,
      materializeGrads ? 'zeros' : allowUnused ? 'absent' : 'error',
    );
    const found = owning(target, target.storage(made));
    return asTraced(form ? fromFile(form, found) : found);
  };
  return Array.isArray(inputs) ? inputs.map(by) : by(inputs);
}) as Grad);

/** The same tensor as a constant: no gradient flows through it. */
export const detach = withSignature('detach', (input: Operand): Traced => node('detach', [operand(input)]));

function openPass(target: Builder, name: string, loss: Operand, gradient: Operand | undefined): TracedPass {
  const value = toProxy(loss)[inner].value();
  if (!isFloat(value.type.dtype))
    fail(`${name}: the loss is ${value.type.dtype}, and only floating-point tensors have gradients.`);
  return new TracedPass(
    target,
    value,
    gradient === undefined ? oneElement(name, value) : seedFor(name, gradient, value),
  );
}

/** Nothing is needed for a loss of one element. */
function oneElement(name: string, { type: { shape } }: Value): null {
  if (shape?.some((dim) => dim !== null && dim !== 1)) {
    fail(
      `${name}: the loss has dims [${shape.map((dim) => dim ?? '?').join(', ')}], and only one element has a gradient by itself. Sum it up, or say which gradient comes in: ${name}(loss, gradient).`,
    );
  }
  return null;
}

function seedFor(name: string, gradient: Operand, { type }: Value): Value {
  const seed = toProxy(gradient, typeof gradient === 'number' ? type.dtype : undefined)[inner].value();
  const [given, wanted] = [seed.type.shape, type.shape];
  const fits =
    !given ||
    !wanted ||
    (given.length === wanted.length &&
      given.every((dim, i) => dim === null || wanted[i] === null || dim === wanted[i]));
  if (seed.type.dtype !== type.dtype || !fits) {
    fail(
      `${name}: the gradient is ${seed.type.dtype}[${given?.map((dim) => dim ?? '?').join(', ') ?? '?'}], and the loss ${type.dtype}[${wanted?.map((dim) => dim ?? '?').join(', ') ?? '?'}]. They have the same dtype and shape.`,
    );
  }
  return seed;
}
