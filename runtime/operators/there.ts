import type { Site } from '../graph/types.ts';
import { ABSENT } from '../graph/unequal.ts';
import { apply, toProxy, wrap } from '../tracing/apply.ts';
import { activeBuilder, type Builder, builder } from '../tracing/builder.ts';
import { doubtOf } from '../tracing/doubtful.ts';
import { present } from '../tracing/present.ts';
import { settled, type Varying, vary, varyingOf } from '../tracing/varying.ts';

/**
 * A value of which JavaScript reads a member, or which it calls or goes through: there it throws an error where the value
 * is undefined or null. A graph throws nothing, so where only the run tells, the run fails, whatever becomes of what is read.
 */
export function there(given: unknown, site: Site): unknown {
  const value = settled(given);
  const target = activeBuilder();
  if (!target) return value;
  const doubt = doubtOf(value);
  if (doubt) demand(doubt.isThere(), site, ABSENT);
  const varying = varyingOf(value);
  return varying?.builder.open ? withoutNone(target, value, varying, site) : value;
}

/** Whichever of several values it is, except undefined and null. */
function withoutNone(target: Builder, value: unknown, varying: Varying, site: Site): unknown {
  const none = varying.cases.filter((one) => one.value === undefined || one.value === null);
  if (none.length === 0 || none.length === varying.cases.length) return value;
  const tests = none.map(({ test }) => wrap(target, test));
  demand(apply('logicalNot', [tests.reduce((a, b) => apply('logicalOr', [a, b]))]), site, ABSENT);
  const { name, cases, sure } = varying;
  const left = cases.filter((one) => !none.includes(one));
  // What is demanded of a step that may not run holds only in that step.
  if (!target.demands.areOver && target.reached === null) {
    for (const { test } of none) target.scope.learn({ value: test, is: false });
    if (left.length === 1) target.scope.learn({ value: left[0]!.test, is: true });
  }
  return left.length === 1 ? settled(left[0]!.value) : vary(target, name, left, sure);
}

/** Lets the run fail where something does not hold; `index` tells why. */
export function demand(test: unknown, site: Site, index: number): void {
  const target = builder();
  if (test === true || target.demands.areOver) return;
  target.site = site;
  const slot = target.demands.of(target.reached);
  target.note(slot);
  slot.set(present([toProxy(test)], toProxy(slot.get()), index));
}
