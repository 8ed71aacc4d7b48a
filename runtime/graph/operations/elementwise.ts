import { broadcastShapes } from '../broadcast.ts';
import { type InputsRule, type Operation, OperationError, type Operations } from '../operation.ts';
import { floating, isFloat, promote } from '../promotion.ts';
import type { DType, TensorType } from '../types.ts';
import { foldBinary, withConstant } from './constants.ts';
import { input } from './inputs.ts';

/** The element type of a result, from that of the operand or of the operands promoted. */
type Rule = (dtype: DType) => DType;

const same: Rule = (dtype) => dtype;
const toBool: Rule = () => 'bool';

/** The element type itself, or an error where it is a bool. */
function notBool(message: string): Rule {
  return (dtype) => {
    if (dtype === 'bool') throw new OperationError(message);
    return dtype;
  };
}

const numbers = notBool("it takes numbers, but the tensor is bool. Convert it with to('int64') or to('float32')");

/** Whole numbers and bools only. */
const bits: Rule = (dtype) => {
  if (!isFloat(dtype)) return dtype;
  throw new OperationError(
    `it takes integers or bools, but the tensor is ${dtype}. Convert it with to('int64') or to('bool')`,
  );
};

const INVERT_A_MASK = 'To invert a mask write !mask';

function unary(rule: Rule, fold: ((element: number) => number) | null = null): InputsRule {
  return {
    infer(inputs) {
      const x = input(inputs, 0);
      return [withConstant(rule(x.dtype), x.shape, fold && x.constant?.map(fold))];
    },
  };
}

/** Of operands of the element type that both are promoted to. `fold` computes known whole numbers. */
function binary(rule: Rule, fold: ((a: number, b: number) => number) | null = null): InputsRule {
  return {
    infer(inputs) {
      const [a, b] = [input(inputs, 0), input(inputs, 1)];
      return [withConstant(rule(promote([a, b])), broadcastShapes(a.shape, b.shape), fold && foldBinary(fold, a, b))];
    },
  };
}

/** Of truth values, so that the operands' types need nothing in common. */
const logical: InputsRule = {
  infer(inputs) {
    const [a, b] = [input(inputs, 0), input(inputs, 1)];
    return [{ dtype: 'bool', shape: broadcastShapes(a.shape, b.shape) }];
  },
};

const sub: InputsRule = {
  infer(inputs) {
    refuseBool(input(inputs, 0), input(inputs, 1));
    return binary(same, (a, b) => a - b).infer(inputs);
  },
};

function refuseBool(a: TensorType, b: TensorType): void {
  const bools = [a, b].filter((type) => type.dtype === 'bool').length;
  if (bools === 2) {
    throw new OperationError(
      'Subtraction, the `-` operator, with two bool tensors is not supported. Write a != b for where they differ',
    );
  }
  if (bools === 1) {
    throw new OperationError(`Subtraction, the \`-\` operator, with a bool tensor is not supported. ${INVERT_A_MASK}`);
  }
}

const gelu: InputsRule = {
  infer(inputs) {
    const { dtype, shape } = input(inputs, 0);
    if (!isFloat(dtype))
      throw new OperationError(`it takes floats, but the tensor is ${dtype}. Convert it with to('float32')`);
    return [{ dtype, shape }];
  },
};

const where: InputsRule = {
  infer(inputs) {
    const [condition, a, b] = [input(inputs, 0), input(inputs, 1), input(inputs, 2)];
    if (condition.dtype !== 'bool') {
      throw new OperationError(
        `where expected condition to be a boolean tensor, but it is ${condition.dtype}. Compare first, as in where(x != 0, a, b)`,
      );
    }
    const shape = broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape));
    return [{ dtype: promote([a, b]), shape }];
  },
};

const cast: Operation<'cast'> = {
  infer(inputs, { dtype, exact }) {
    const x = input(inputs, 0);
    if (exact && ![x.dtype, dtype].every((one) => /^u?int/.test(one)))
      throw new OperationError(`cast(): only whole numbers become others exactly, not ${x.dtype} as ${dtype}`);
    return [withConstant(dtype, x.shape, x.constant)];
  },
};

const unaries = {
  detach: unary(same, (element) => element),
  neg: unary(
    notBool(`Negation, the \`-\` operator, on a bool tensor is not supported. ${INVERT_A_MASK}`),
    (element) => 0 - element,
  ),
  abs: unary(numbers),
  sqrt: unary(floating),
  exp: unary(floating),
  log: unary(floating),
  sin: unary(floating),
  cos: unary(floating),
  tan: unary(floating),
  tanh: unary(floating),
  sigmoid: unary(floating),
  erf: unary(floating),
  reciprocal: unary(floating),
  relu: unary(numbers),
  floor: unary(numbers),
  ceil: unary(numbers),
  round: unary(numbers),
  sign: unary(same),
  isnan: unary(toBool),
  logicalNot: unary(toBool),
  bitwiseNot: unary(bits),
  gelu,
  cast,
};

const binaries = {
  add: binary(same, (a, b) => a + b),
  sub,
  mul: binary(same, (a, b) => a * b),
  div: binary(floating),
  remainder: binary(numbers),
  pow: binary(numbers),
  minimum: binary(same, Math.min),
  maximum: binary(same, Math.max),
  eq: binary(toBool),
  ne: binary(toBool),
  lt: binary(toBool),
  le: binary(toBool),
  gt: binary(toBool),
  ge: binary(toBool),
  logicalAnd: logical,
  logicalOr: logical,
  bitwiseAnd: binary(bits),
  bitwiseOr: binary(bits),
  bitwiseXor: binary(bits),
};

/** One result element for each element of the operands broadcast together. */
export const elementwise: Operations<keyof typeof unaries | keyof typeof binaries | 'where'> = {
  ...unaries,
  ...binaries,
  where,
};
