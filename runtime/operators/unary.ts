import * as functions from '../functions/index.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Site } from '../graph/types.ts';
import { apply, toProxy } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { asked } from '../tracing/doubtful.ts';
import { settled, varyingOf } from '../tracing/varying.ts';
import type { Traced } from '../types/tensor.ts';
import { binary } from './binary.ts';
import { bitwise, isBitwise } from './bits.ts';
import { checkOperands } from './implicit-calls.ts';
import { hasElements, isTraced } from './is-traced.ts';
import { isTruthy } from './math-functions.ts';
import { checkHasNumber } from './no-number.ts';
import { asNumber } from './numbers.ts';
import { asCondition } from './of-results.ts';
import { primitive } from './primitives.ts';
import { whichever } from './whichever.ts';

/** A unary operator. `!` is elementwise. */
export function unary(operator: string, operand: unknown, site: Site): unknown {
  const x = operator === '!' ? asked(settled(operand)) : primitive(settled(operand), 'number', site);
  if (!isTraced(x)) {
    if (operator !== '!') checkHasNumber(x, `${operator}tensor(array)`, site);
    if (activeBuilder()?.isRecording) checkOperands(operator, [x], site);
    if (operator === '-' && hasElements(x)) return functions.neg(asNumber(x) as Traced);
    return plainUnary(operator, (operator === '!' ? asCondition(x, site) : x) as number);
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
      return isBitwise('^', proxy, -1) ? bitwise('^', asTraced(proxy), -1) : apply('bitwiseNot', [proxy]);
  }
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

/** What `x++` and `x--` give, which is a number where `x` was a text or a truth value. */
export function numeric(operand: unknown, site: Site): unknown {
  const x = primitive(settled(operand), 'number', site);
  return typeof x === 'bigint' ? x : unary('+', x, site);
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
