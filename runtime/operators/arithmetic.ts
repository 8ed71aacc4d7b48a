import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Site } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { apply, toProxy } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { checkCompared } from '../tracing/copies.ts';
import { asked } from '../tracing/doubtful.ts';
import { isMadeOfParts } from '../tracing/forms/parts.ts';
import { inner } from '../tracing/hidden.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { each, settled, uses, type Varying, varyingOf } from '../tracing/varying.ts';
import type { Traced } from '../types/tensor.ts';
import { checkOperands } from './implicit-calls.ts';
import { isTruthy, power } from './math-functions.ts';
import { checkHasNumber, isNumbers } from './no-number.ts';
import { asNumber } from './numbers.ts';
import { primitive } from './primitives.ts';
import { textError } from './text-error.ts';
import { there } from './there.ts';

/** Whether an operator on this value builds a node. */
export function isTraced(x: unknown): boolean {
  return (
    x instanceof TensorProxy ||
    ((x instanceof Tensor || x instanceof GraphEntries || varyingOf(x) !== null) && activeBuilder() !== null)
  );
}

/** Whether a value is a tensor that a trace has given, and no single number: outside of blocks operators compute with it at once. */
function hasElements(x: unknown): boolean {
  return x instanceof Tensor && x.raw.length !== 1;
}

/** Operators that compute with the elements of such tensors. A comparison of them is not one truth value. */
const ELEMENTWISE = new Set(['+', '-', '*', '/', '%', '**', '&', '|', '^']);

type Binary = (a: never, b: never) => unknown;

const TENSOR_BINARY: Readonly<Record<string, Binary>> = {
  '+': functions.add,
  '-': functions.sub,
  '*': functions.mul,
  '/': functions.div,
  '%': functions.fmod,
  '**': power,
  '<': functions.lt,
  '<=': functions.le,
  '>': functions.gt,
  '>=': functions.ge,
  '==': functions.eq,
  '!=': functions.ne,
  '===': functions.eq,
  '!==': functions.ne,
  '&': functions.bitwiseAnd,
  '|': functions.bitwiseOr,
  '^': functions.bitwiseXor,
};

// biome-ignore-start lint/suspicious/noDoubleEquals: these are the operators themselves.
const PLAIN_BINARY: Readonly<Record<string, (a: never, b: never) => unknown>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '**': (a: number, b: number) => a ** b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a == b,
  '!=': (a, b) => a != b,
  '===': (a, b) => a === b,
  '!==': (a, b) => a !== b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '>>>': (a, b) => a >>> b,
  in: (a, b) => a in b,
  instanceof: (a: unknown, b: never) => (a as object) instanceof b,
};
// biome-ignore-end lint/suspicious/noDoubleEquals: these are the operators themselves.

/** The operators that tensors do not have, each with a replacement. */
const MEANINGLESS: Readonly<Record<string, string>> = {
  '<<': 'The operator << has no meaning for tensors. Write x * 2 ** n.',
  '>>': 'The operator >> has no meaning for tensors. Write Math.floor(x / 2 ** n).',
  '>>>': 'The operator >>> has no meaning for tensors. Write Math.floor(x / 2 ** n).',
  in: '`in` asks an object for a key, and has no meaning for a number or the elements of a tensor. To look for a value write any(tensor == value).',
};

const ARITHMETIC = new Set(['+', '-', '*', '/', '%', '**']);
/** The operators that make numbers of what is no text. */
const NUMERIC = new Set([...ARITHMETIC, '<', '<=', '>', '>=', '&', '|', '^', '<<', '>>', '>>>']);
const EQUALITY = new Set(['==', '!=', '===', '!==']);
const LOOSE = new Set(['==', '!=']);
const STRICT = new Set(['===', '!==']);
const ORDER = new Set(['<', '<=', '>', '>=']);
/** The operators that ask undefined and null, too. */
const ASKING = new Set([...EQUALITY, 'instanceof']);

/** A binary operator: elementwise on tensors, JavaScript's own on anything else. */
export function binary(operator: string, left: unknown, right: unknown, site: Site): unknown {
  const target = activeBuilder();
  if (target) target.site = site;
  const [one, other] = converted(
    operator,
    settled(left),
    operator === 'in' ? there(right, site) : settled(right),
    site,
  );
  const isEquality = EQUALITY.has(operator);
  const a = isEquality && isAsked(one, other) ? asked(one) : one;
  const b = isEquality && isAsked(other, one) ? asked(other) : other;
  if (isEquality) checkCompared(a, b, site);
  if (!isTraced(a) && !isTraced(b)) {
    checkNumbers(operator, a, b, site);
    if (target?.isRecording) checkOperands(operator, [a, b], site);
    if (operator === 'instanceof') return isInstance(a, b, site);
    if (ELEMENTWISE.has(operator) && [a, b].some(hasElements)) return TENSOR_BINARY[operator]!(a as never, b as never);
    return PLAIN_BINARY[operator]!(a as never, b as never);
  }
  const varying = varyingOf(a) ?? varyingOf(b);
  if (varying) {
    const other = varyingOf(a) ? b : a;
    const isInOrder = ORDER.has(operator) && [other, ...varying.cases.map(({ value }) => value)].every(isOrdered);
    return whichever(varying, isInOrder || ASKING.has(operator), site, (one) =>
      varyingOf(a) ? binary(operator, one, b, site) : binary(operator, a, one, site),
    );
  }
  // A tensor is never null, undefined or a text: such comparisons are decided now, as JavaScript does.
  const isOther = (x: unknown) => isNothing(x) || typeof x === 'string';
  if (operator === 'in' && typeof a === 'string' && !isNumber(b)) return PLAIN_BINARY.in!(a as never, b as never);
  if ((isNumber(a) && typeof b === 'bigint') || (isNumber(b) && typeof a === 'bigint')) {
    if (STRICT.has(operator)) return operator === '!==';
    if (!ORDER.has(operator) && !LOOSE.has(operator)) throw mixedWithBigInt(operator, site);
  }
  if (LOOSE.has(operator) && isText(a, b)) return binary(operator, Number(a), b, site);
  if (LOOSE.has(operator) && isText(b, a)) return binary(operator, a, Number(b), site);
  if (isEquality && (isOther(a) || isOther(b))) return operator.startsWith('!');
  if (STRICT.has(operator) && areOfTwoKinds(a, b, site)) return operator === '!==';
  if (ORDER.has(operator) && (isNothing(a) || isNothing(b)) && [a, b].every(isOrdered)) {
    return a !== undefined && b !== undefined && binary(operator, a ?? 0, b ?? 0, site);
  }
  // A number is an instance of nothing, but JavaScript asks what is on the right whether it can say so.
  if (operator === 'instanceof') {
    if (ownTest(b)) throw ownTestError(site);
    return PLAIN_BINARY.instanceof!((isScalar(a, 'instanceof', site) ? 0 : a) as never, b as never);
  }
  const operate = TENSOR_BINARY[operator];
  if (!operate) throw new TraceError(MEANINGLESS[operator]!, site);
  if (operator === '+' && (typeof a === 'string' || typeof b === 'string')) {
    if (!(a instanceof TensorProxy) && !(b instanceof TensorProxy)) return PLAIN_BINARY['+']!(a as never, b as never);
    throw textError('is joined to a text', site);
  }
  return ARITHMETIC.has(operator)
    ? operate(asNumber(a) as never, asNumber(b) as never)
    : operate(a as never, b as never);
}

/** `a instanceof type`; a class may say so itself. */
function isInstance(a: unknown, type: unknown, site: Site): boolean {
  const test = ownTest(type);
  if (!test) return PLAIN_BINARY.instanceof!(a as never, type as never) as boolean;
  const is: unknown = Reflect.apply(test, type, [a]);
  if (isTraced(is)) throw ownTestError(site);
  return Boolean(is);
}

/** A class's own function by which JavaScript asks it; null if it has none. */
function ownTest(type: unknown): ((value: unknown) => unknown) | null {
  const test: unknown = Object(type) === type ? Reflect.get(type as object, Symbol.hasInstance) : null;
  const isOwn = typeof test === 'function' && test !== Function.prototype[Symbol.hasInstance];
  return isOwn ? (test as (value: unknown) => unknown) : null;
}

function ownTestError(site: Site): TraceError {
  return new TraceError(
    'instanceof asks a function of the class itself (Symbol.hasInstance) about a traced value, or gets one, and JavaScript makes a truth of it now. Call the function: Type.test(value).',
    site,
  );
}

/** Whether JavaScript takes a traced value for a number. */
function isNumber(x: unknown): boolean {
  return x instanceof TensorProxy && x[inner].type.shape?.length === 0 && x.dtype !== 'bool';
}

function mixedWithBigInt(operator: string, site: Site): TraceError {
  return new TraceError(
    `A traced number and a BigInt stand beside ${operator}, and JavaScript mixes the two in no calculation. Write the number without n, or Number(value).`,
    site,
  );
}

/** The operands, objects among them as the primitives that JavaScript makes of them. */
function converted(operator: string, a: unknown, b: unknown, site: Site): readonly [a: unknown, b: unknown] {
  const isConverting = NUMERIC.has(operator) || (LOOSE.has(operator) && isObject(a) !== isObject(b));
  if (!isConverting || (!isObject(a) && !isObject(b))) return [a, b];
  if (LOOSE.has(operator) && (isNothing(a) || isNothing(b))) return [a, b];
  const hint = operator === '+' || LOOSE.has(operator) ? 'default' : 'number';
  return [primitive(a, hint, site), primitive(b, hint, site)];
}

/** Whether JavaScript takes a value for an object: traced ones are numbers. */
function isObject(x: unknown): boolean {
  return typeof x === 'object' && x !== null && !isTraced(x);
}

/** In a block, an operator of numbers on what JavaScript makes a text of, and NaN of that. */
function checkNumbers(operator: string, a: unknown, b: unknown, site: Site): void {
  const isAsNumber = LOOSE.has(operator) && (typeof a === 'number' || typeof b === 'number');
  if (!(NUMERIC.has(operator) || isAsNumber) || typeof a === 'string' || typeof b === 'string') return;
  const shown = (x: unknown) => (typeof x === 'number' ? `${x}` : isNumbers(x) ? 'tensor(array)' : 'x');
  for (const x of [a, b]) checkHasNumber(x, `${shown(a)} ${operator} ${shown(b)}`, site);
}

/** Whether a comparison is about there being a value, too: undefined is equal to no number. */
function isAsked(x: unknown, by: unknown): boolean {
  return isNothing(by) || !(x instanceof TensorProxy) || x[inner].type.shape?.length === 0;
}

/** Whether `==` makes a number of a text, as beside a number. */
function isText(x: unknown, by: unknown): x is string {
  return typeof x === 'string' && by instanceof TensorProxy && by[inner].type.shape?.length === 0;
}

function isNothing(x: unknown): boolean {
  return x === undefined || x === null;
}

/** Whether `<` is decided as between numbers: undefined is neither less nor greater than any, null counts as 0. */
function isOrdered(given: unknown): boolean {
  const x = settled(given);
  const varying = varyingOf(x);
  if (varying) return varying.cases.every(({ value }) => isOrdered(value));
  return (
    isNothing(x) ||
    ['number', 'boolean'].includes(typeof x) ||
    (x instanceof TensorProxy && x[inner].type.shape?.length === 0)
  );
}

/** Operates on whichever of its values a varying one is; only some operators are for undefined and null, too. */
function whichever(varying: Varying, takesNone: boolean, site: Site, operate: (value: unknown) => unknown): unknown {
  varying.builder.site = site;
  return takesNone ? uses.distribute(varying, operate) : each(varying, operate);
}

/** A unary operator. `!` is elementwise. */
export function unary(operator: string, operand: unknown, site: Site): unknown {
  const x = operator === '!' ? asked(settled(operand)) : primitive(settled(operand), 'number', site);
  if (!isTraced(x)) {
    if (operator !== '!') checkHasNumber(x, `${operator}tensor(array)`, site);
    if (activeBuilder()?.isRecording) checkOperands(operator, [x], site);
    if (operator === '-' && hasElements(x)) return functions.neg(x as Traced);
    return plainUnary(operator, x as number);
  }
  const target = activeBuilder();
  if (target) target.site = site;
  const varying = varyingOf(x);
  if (varying) return whichever(varying, operator === '!', site, (one) => unary(operator, one, site));
  const proxy = toProxy(x);
  switch (operator) {
    case '-':
      return functions.neg(asNumber(proxy) as Traced);
    case '+':
      return asNumber(proxy);
    case '!':
      return functions.logicalNot(isTruthy(asTraced(proxy)));
    default:
      return apply('bitwiseNot', [proxy]);
  }
}

/** `typeof`: a traced tensor without dimensions is the number or truth value that it will be, any other an object. */
export function typeof_(given: unknown, site: Site): unknown {
  const x = asked(settled(given));
  const varying = varyingOf(x);
  if (varying?.builder.open) {
    varying.builder.site = site;
    return uses.distribute(varying, (one) => typeof_(one, site));
  }
  if (!(x instanceof TensorProxy) || !x[inner].builder.open) return typeof x;
  if (!isScalar(x, 'typeof', site)) return 'object';
  if (x[inner].isMixed) throw mixed('typeof', site);
  return x.dtype === 'bool' ? 'boolean' : 'number';
}

/** Whether two values are of kinds (number, truth value, object) that `===` tells apart though tensors of them compare as numbers. */
function areOfTwoKinds(a: unknown, b: unknown, site: Site): boolean {
  const [one, other] = [kindOf(a), kindOf(b)];
  if (one === null || other === null || (one === other && one !== 'mixed')) return false;
  if (one !== 'object' && other !== 'object' && [one, other].includes('mixed')) throw mixed('===', site);
  return true;
}

function kindOf(x: unknown): 'number' | 'boolean' | 'object' | 'mixed' | null {
  if (typeof x === 'number' || typeof x === 'boolean') return typeof x as 'number' | 'boolean';
  if (x instanceof TensorProxy) {
    if (x[inner].type.shape?.length !== 0) return null;
    return x[inner].isMixed ? 'mixed' : x.dtype === 'bool' ? 'boolean' : 'number';
  }
  const isOnlyItself = typeof x === 'function' || typeof x === 'symbol' || (isMadeOfParts(x) && !Array.isArray(x));
  return isOnlyItself ? 'object' : null;
}

function mixed(operator: string, site: Site): TraceError {
  return new TraceError(
    `${operator} is asked of a value that is a number on one side of a traced condition and a truth value on the other: as tensors 1 and true are one. Make it a number on both: value ? 1 : 0.`,
    site,
  );
}

/** Whether a value is a traced number or truth value, which JavaScript does not take for an object. */
function isScalar(x: unknown, operator: string, site: Site): boolean {
  if (!(x instanceof TensorProxy) || !x[inner].builder.open) return false;
  const { shape } = x[inner].type;
  if (shape) return shape.length === 0;
  throw new TraceError(
    `${operator} is asked of a tensor of which only the run will tell whether it has dimensions. Reshape it first: x.reshape([]) is a number.`,
    site,
  );
}

function plainUnary(operator: string, x: number): unknown {
  switch (operator) {
    case '-':
      return -x;
    case '+':
      return +x;
    case '!':
      return !x;
    default:
      return ~x;
  }
}

/** `++` and `--`. */
export function increment(operand: unknown, by: 1 | -1, site: Site): unknown {
  const x = primitive(settled(operand), 'number', site);
  if (isTraced(x)) return binary('+', x, by, site);
  if (typeof x === 'bigint') return x + BigInt(by);
  checkHasNumber(x, 'tensor(array) + 1', site);
  if (activeBuilder()?.isRecording) checkOperands('+', [x], site);
  return Number(x) + by;
}
