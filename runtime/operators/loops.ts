import { inspect } from 'node:util';
import { TraceError } from '../errors.ts';
import { formatSite } from '../graph/site.ts';
import type { Site } from '../graph/types.ts';
import { apply, toProxy } from '../tracing/apply.ts';
import { activeBuilder, builder } from '../tracing/builder.ts';
import { inner } from '../tracing/hidden.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { State } from '../tracing/slots.ts';
import { StepRange } from '../tracing/step-range.ts';
import { uses, varyingOf } from '../tracing/varying.ts';
import { noteAsked } from './asked-objects.ts';
import { type Completion, isAbrupt, withoutBreak, withoutContinue } from './completions.ts';
import { andThen } from './conditionals.ts';
import { checkIterator } from './effects.ts';
import { entryAt } from './filled-entries.ts';
import { isFilledHere } from './filled-here.ts';
import { iterated, sourceOf } from './filled-iterators.ts';
import { beforeNext, goesThrough, goesThroughCopy } from './going-through.ts';
import { graphLoop } from './graph-loops.ts';
import { checkIterated } from './implicit-calls.ts';
import { isIntrinsic } from './intrinsics.ts';
import { isLast } from './iterator-results.ts';
import { forSteps } from './step-loops.ts';
import { there } from './there.ts';
import { truthOf } from './truth.ts';

type Body = (item?: unknown) => Completion;

/** `for…of`: over a traced tensor (dimension 0) a loop node, over anything else JavaScript's own loop. */
export function forOf(
  iterable: unknown,
  body: Body,
  state: State | null,
  site: Site,
  label: string | null = null,
): Completion {
  const items = iterated(there(iterable, site));
  if (items instanceof TensorProxy) return forRows(items, body, state, site, label);
  if (items instanceof StepRange) return forSteps(items, body, state, site, label);
  const varying = varyingOf(items);
  if (varying) return uses.distribute(varying, (one) => forOf(one, body, state, site, label), state);
  return forItems(iteratorOf(items, site), body, state, site, label);
}

function iteratorOf(value: unknown, site: Site): Iterator<unknown> {
  noteAsked(value);
  const target = activeBuilder();
  if (target) checkIterator(target, value, site);
  if (target?.isRecording) checkIterated(value, site);
  const source = sourceOf(value);
  if (isFilledHere(value)) {
    const iterator = Array.prototype.values.call(value);
    return source ? goesThroughCopy(iterator, source) : goesThrough(iterator, value);
  }
  const method = (value as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator];
  if (typeof method === 'function') {
    const iterator = method.call(value) as Iterator<unknown>;
    return method === Array.prototype.values && Array.isArray(value) ? goesThrough(iterator, value) : iterator;
  }
  const message = `for…of needs an array or a tensor: ${described(value)} is not iterable`;
  if (target?.conditional)
    throw new TraceError(`${message}, in a branch or loop that depends on a traced value.`, site);
  // The kind of error that JavaScript throws itself.
  throw new TypeError(`${formatSite(site)} - ${message}`);
}

function described(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name}`.trimEnd();
  if (typeof value !== 'object' || value === null) return inspect(value);
  return `an object ${inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })}`;
}

function forRows(rows: TensorProxy, body: Body, state: State | null, site: Site, label: string | null): Completion {
  const target = builder();
  target.site = site;
  const { shape } = rows[inner].type;
  if (shape?.length === 0)
    throw new TraceError(
      'for…of takes the rows of a tensor, and this tensor has no dimensions. Use its value itself, or unsqueeze(0) it.',
      site,
    );
  const known = shape?.[0];
  const count = known ?? apply('getitem', [apply('shape', [rows]), toProxy(0)], { items: [{ kind: 'int' }] });
  const row = (index: TensorProxy) => apply('getitem', [rows, index], { items: [{ kind: 'int' }] });
  return graphLoop(target, {
    trip: toProxy(count),
    test: null,
    body: (index) => body(row(index)),
    update: null,
    state,
    site,
    label,
  });
}

/** Entries that a branch or loop of the graph pushed to an array. */
function forEntries(
  entries: GraphEntries,
  body: Body,
  state: State | null,
  site: Site,
  label: string | null,
): Completion {
  const target = builder();
  target.site = site;
  return graphLoop(target, {
    trip: entries.length(),
    test: null,
    body: (index) => body(entryAt(entries, index)),
    update: null,
    state,
    site,
    label,
  });
}

/** How many iterations are written into the graph one after the other that a traced condition may have ended before. */
const UNROLLED = 10_000;

/** @throws TraceError where a loop that only the run would end is unrolled for ever */
function checkUnrolled(iterations: number, site: Site): void {
  if (iterations < UNROLLED) return;
  throw new TraceError(
    `This loop has come to iteration ${UNROLLED}: a traced condition may have ended it before, but only the run will know, and its plain condition or iterator does not end. Give it an end that is known now, such as a count, or loop with while (true) or a traced condition.`,
    site,
  );
}

/**
 * Unrolled: what may have ended the loop on a traced condition stands around each further iteration, one beside the
 * other, so that bodies do not nest.
 */
function forItems(
  iterator: Iterator<unknown>,
  body: Body,
  state: State | null,
  site: Site,
  label: string | null,
): Completion {
  let end: Completion;
  let isOver = false;
  // The iterator's own code belongs to the iteration too.
  const iteration = (): Completion => {
    beforeNext(iterator, site);
    const next = end === undefined ? iterator.next() : nextPerhaps(iterator, site);
    isOver = isLast(next, site);
    if (isOver) return undefined;
    const { value } = next;
    if (value instanceof GraphEntries) return forEntries(value, body, state, site, label);
    return withoutContinue(body(value), label);
  };
  for (let perhaps = 0; !isOver && !isAbrupt(end); ) {
    if (end !== undefined) checkUnrolled(perhaps++, site);
    end = andThen(end, iteration, state, site);
  }
  if (!isOver) iterator.return?.();
  else if (end !== undefined && iterator.return && !isIntrinsic(iterator.return)) throw leftOpen(site);
  return withoutBreak(end, label);
}

/** The next value, where a traced condition may have ended the loop before. */
function nextPerhaps(iterator: Iterator<unknown>, site: Site): IteratorResult<unknown> {
  const target = builder();
  const before = target.perhapsOver;
  target.perhapsOver = site;
  try {
    return iterator.next();
  } finally {
    target.perhapsOver = before;
  }
}

/**
 * The `finally` of a generator runs. Where its loop has ended before, it runs then, which only the run will know.
 * @throws TraceError in such a loop
 */
export function cleaningUp(): void {
  const site = activeBuilder()?.perhapsOver;
  if (site) throw leftOpen(site);
}

function leftOpen(site: Site): TraceError {
  return new TraceError(
    'This loop may end on a traced condition and goes through an iterator that cleans up when it is left (by a finally or a method return()): when that is, only the run will know. Take its values into an array before: [...iterator].',
    site,
  );
}

/** `while` and `for (;;)`: with a traced condition a loop node, with a plain one unrolled. */
export function while_(
  test: () => unknown,
  body: Body,
  update: (() => void) | null,
  state: State | null,
  site: Site,
  label: string | null = null,
): Completion {
  let end: Completion;
  let isOver = false;
  const iteration = (isFirst: boolean): Completion => {
    if (!isFirst) update?.();
    const goOn = truthOf(test(), site);
    const isTraced = goOn instanceof TensorProxy;
    // Only a traced jump ends it: how many iterations there are is known only when the model runs.
    const isOpen = !isFirst && end !== undefined && isEndless(test);
    if (isTraced || isOpen || !goOn) isOver = true;
    if (isTraced || isOpen) return graphWhile(toProxy(goOn), test, body, update, state, site, label);
    return goOn ? withoutContinue(body(), label) : undefined;
  };
  for (let isFirst = true, perhaps = 0; !isOver && !isAbrupt(end); isFirst = false) {
    if (end !== undefined) checkUnrolled(perhaps++, site);
    end = andThen(end, () => iteration(isFirst), state, site);
  }
  return withoutBreak(end, label);
}

/** `do … while` */
export function doWhile(
  body: Body,
  test: () => unknown,
  state: State | null,
  site: Site,
  label: string | null = null,
): Completion {
  const end = withoutContinue(body(), label);
  return withoutBreak(
    andThen(end, () => while_(test, body, null, state, site, label), state, site),
    label,
  );
}

function graphWhile(
  first: TensorProxy,
  test: () => unknown,
  body: Body,
  update: (() => void) | null,
  state: State | null,
  site: Site,
  label: string | null,
): Completion {
  const target = builder();
  target.site = site;
  return graphLoop(target, { trip: null, test, first, body: () => body(), update, state, site, label });
}

/** `while (true)` and `for (;;)`: only a jump ends them. */
function isEndless(test: () => unknown): boolean {
  return /^\(\)\s*=>\s*(true|!0|1)$/.test(String(test));
}
