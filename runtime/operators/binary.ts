import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { checkCompared } from '../tracing/copies.ts';
import { asked } from '../tracing/doubtful.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { settled, varyingOf } from '../tracing/varying.ts';
import type { Operand } from '../types/tensor.ts';
import {
  ARITHMETIC,
  ASKING,
  ELEMENTWISE,
  EQUALITY,
  LOOSE,
  MEANINGLESS,
  NUMERIC,
  ORDER,
  PLAIN_BINARY,
  STRICT,
  TENSOR_BINARY,
} from './binary-operators.ts';
import { bitwise, isBitwise } from './bits.ts';
import { checkOperands } from './implicit-calls.ts';
import { isInstance, ownTest, ownTestError } from './instance-of.ts';
import { hasElements, isTraced } from './is-traced.ts';
import { areOfTwoKinds, isScalar } from './kinds.ts';
import { checkHasNumber, isNumbers } from './no-number.ts';
import { asNumber, isKnown, isSingle } from './numbers.ts';
import { asEqual, asScalar } from './of-results.ts';
import { primitive } from './primitives.ts';
import { textError } from './text-error.ts';
import { there } from './there.ts';
import { whichever } from './whichever.ts';

/** A binary operator: elementwise on tensors, JavaScript's own on anything else. */
export function binary(operator: string, left: unknown, right: unknown, site: Site): unknown {
  const target = activeBuilder();
  if (target) target.site = site;
  const isEquality = EQUALITY.has(operator);
  const [x, y] = ofResults(operator, settled(left), operator === 'in' ? there(right, site) : settled(right), site);
  const [one, other] = converted(operator, x, y, site);
  const a = isEquality && isAsked(one, other) ? asked(one) : one;
  const b = isEquality && isAsked(other, one) ? asked(other) : other;
  if (isEquality) checkCompared(a, b, site);
  if (!isTraced(a) && !isTraced(b)) {
    checkNumbers(operator, a, b, site);
    if (target?.isRecording) checkOperands(operator, [a, b], site);
    if (operator === 'instanceof') return isInstance(a, b, site);
    if (ELEMENTWISE.has(operator) && [a, b].some(hasElements)) return elementwise(operator, a, b);
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
  if (NUMERIC.has(operator) && isKnownBeside(operator, a, b)) return binary(operator, Number(a), b, site);
  if (NUMERIC.has(operator) && isKnownBeside(operator, b, a)) return binary(operator, a, Number(b), site);
  // A number is an instance of nothing, but JavaScript asks what is on the right whether it can say so.
  if (operator === 'instanceof') {
    if (ownTest(b)) throw ownTestError(site);
    return PLAIN_BINARY.instanceof!((isScalar(a, 'instanceof', site) ? 0 : a) as never, b as never);
  }
  if (isBitwise(operator, a, b)) return bitwise(operator, a as Operand, b as Operand);
  if (!TENSOR_BINARY[operator]) throw new TraceError(MEANINGLESS[operator]!, site);
  if (operator === '+' && (typeof a === 'string' || typeof b === 'string')) {
    if (!(a instanceof TensorProxy) && !(b instanceof TensorProxy)) return PLAIN_BINARY['+']!(a as never, b as never);
    throw textError('is joined to a text', site);
  }
  return elementwise(operator, a, b);
}

function elementwise(operator: string, a: unknown, b: unknown): unknown {
  const operate = TENSOR_BINARY[operator]!;
  return ARITHMETIC.has(operator)
    ? operate(asNumber(a) as never, asNumber(b) as never)
    : operate(a as never, b as never);
}

/** Both sides, results of earlier traces as the values that they are in a block. */
function ofResults(operator: string, a: unknown, b: unknown, site: Site): readonly [unknown, unknown] {
  if (activeBuilder()) return [asScalar(a), asScalar(b)];
  if (operator === 'in') return [asScalar(a), b];
  return EQUALITY.has(operator) ? asEqual(a, b, operator, site) : [a, b];
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

/** Whether a number is made of a value for a calculation with a traced number. Beside + a text is joined to. */
function isKnownBeside(operator: string, x: unknown, by: unknown): boolean {
  return isKnown(x) && by instanceof TensorProxy && isSingle(by) && !(operator === '+' && typeof x === 'string');
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
