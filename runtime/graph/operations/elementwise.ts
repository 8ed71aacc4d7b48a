import { broadcastShapes } from '../broadcast.ts';
import { type Operation, OperationError } from '../operation.ts';
import { floating, isFloat, promote } from '../promotion.ts';
import { type Attributes, DTYPES, type DType, type TensorType } from '../types.ts';
import { choiceAttribute, input } from './attributes.ts';
import { foldBinary, withConstant } from './constants.ts';

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

const UNARY: Readonly<Record<string, Rule>> = {
  neg: notBool(`Negation, the \`-\` operator, on a bool tensor is not supported. ${INVERT_A_MASK}`),
  abs: numbers,
  sqrt: floating,
  exp: floating,
  log: floating,
  sin: floating,
  cos: floating,
  tan: floating,
  tanh: floating,
  sigmoid: floating,
  erf: floating,
  reciprocal: floating,
  relu: numbers,
  floor: numbers,
  ceil: numbers,
  round: numbers,
  sign: same,
  isnan: toBool,
  logicalNot: toBool,
  bitwiseNot: bits,
};

const BINARY: Readonly<Record<string, Rule>> = {
  add: same,
  sub: same,
  mul: same,
  div: floating,
  remainder: numbers,
  pow: numbers,
  minimum: same,
  maximum: same,
  eq: toBool,
  ne: toBool,
  lt: toBool,
  le: toBool,
  gt: toBool,
  ge: toBool,
  logicalAnd: toBool,
  logicalOr: toBool,
  bitwiseAnd: bits,
  bitwiseOr: bits,
  bitwiseXor: bits,
};

/** These compare truth values, so the operands' types need nothing in common. */
const LOGICAL = new Set(['logicalAnd', 'logicalOr']);

function unary(op: string, rule: Rule): Operation {
  return {
    infer(inputs) {
      const x = input(inputs, 0);
      const constant = op === 'neg' ? x.constant?.map((element) => 0 - element) : undefined;
      return [withConstant(rule(x.dtype), x.shape, constant)];
    },
  };
}

function binary(op: string, rule: Rule): Operation {
  return {
    infer(inputs) {
      const [a, b] = [input(inputs, 0), input(inputs, 1)];
      if (op === 'sub') refuseBool(a, b);
      const dtype = rule(LOGICAL.has(op) ? 'bool' : promote([a, b]));
      return [withConstant(dtype, broadcastShapes(a.shape, b.shape), foldBinary(op, a, b))];
    },
  };
}

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

const gelu: Operation = {
  infer(inputs, attributes) {
    const { dtype, shape } = input(inputs, 0);
    choiceAttribute(attributes, 'approximate', ['none', 'tanh']);
    if (!isFloat(dtype))
      throw new OperationError(`it takes floats, but the tensor is ${dtype}. Convert it with to('float32')`);
    return [{ dtype, shape }];
  },
};

const where: Operation = {
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

/** The element type that a `cast` converts to. */
export function castTarget(attributes: Attributes): DType {
  return choiceAttribute(attributes, 'dtype', DTYPES);
}

const cast: Operation = {
  infer(inputs, attributes) {
    const x = input(inputs, 0);
    return [withConstant(castTarget(attributes), x.shape, x.constant)];
  },
};

/** One result element for each element of the operands broadcast together. */
export const elementwise: Readonly<Record<string, Operation>> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([op, rule]) => [op, unary(op, rule)])),
  ...Object.fromEntries(Object.entries(BINARY).map(([op, rule]) => [op, binary(op, rule)])),
  gelu,
  where,
  cast,
};
