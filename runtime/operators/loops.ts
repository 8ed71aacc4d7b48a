import { inspect } from 'node:util';
import { TraceError } from '../errors.ts';
import { formatSite } from '../graph/site.ts';
import type { Site } from '../graph/types.ts';
import { apply, copy, toProxy } from '../tracing/apply.ts';
import { activeBuilder, builder } from '../tracing/builder.ts';
import { ListSegment } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { type State, VariableSlot } from '../tracing/slots.ts';
import { type Completion, withoutBreak, withoutContinue } from './completions.ts';
import { andThen, truth } from './conditionals.ts';
import { checkIterator } from './effects.ts';
import { graphLoop } from './graph-loops.ts';

type Body = (item?: unknown) => Completion;

/** `for…of`: over a traced tensor (dimension 0) a loop node, over anything else JavaScript's own loop. */
export function forOf(
  iterable: unknown,
  body: Body,
  state: State | null,
  site: Site,
  label: string | null = null,
): Completion {
  if (iterable instanceof TensorProxy) return forRows(iterable, body, state, site, label);
  return forItems(iteratorOf(iterable, site), body, state, site, label);
}

function iteratorOf(value: unknown, site: Site): Iterator<unknown> {
  const target = activeBuilder();
  if (target) checkIterator(target, value, site);
  const method = (value as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator];
  if (typeof method === 'function') return method.call(value);
  // The kind of error that JavaScript throws itself.
  throw new TypeError(`${formatSite(site)} - for…of needs an array or a tensor: ${described(value)} is not iterable`);
}

function described(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name}`.trimEnd();
  if (typeof value !== 'object' || value === null) return inspect(value);
  return `an object ${inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })}`;
}

function forRows(rows: TensorProxy, body: Body, state: State | null, site: Site, label: string | null): Completion {
  const target = builder();
  target.site = site;
  const { shape } = rows.type;
  if (shape?.length === 0)
    throw new TraceError(
      'for…of takes the rows of a tensor, and this tensor has no dimensions. Use its value itself, or unsqueeze(0) it.',
      site,
    );
  const known = shape?.[0];
  const count = known ?? apply('getitem', [apply('shape', [rows]), toProxy(0)], { items: [{ kind: 'int' }] });
  // Rows are those that the tensor has when the loop begins.
  const source = copy(rows);
  const row = (index: TensorProxy) => copy(apply('getitem', [source, index], { items: [{ kind: 'int' }] }));
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

function forItems(
  iterator: Iterator<unknown>,
  body: Body,
  state: State | null,
  site: Site,
  label: string | null,
): Completion {
  for (;;) {
    const { done, value } = iterator.next();
    if (done) return undefined;
    const end =
      value instanceof ListSegment
        ? forRows(value.stacked(), body, state, site, label)
        : withoutContinue(body(value), label);
    if (end === undefined) continue;
    const others = () => forItems(iterator, body, state, site, label);
    if (end.kind !== 'choice') iterator.return?.();
    return withoutBreak(andThen(end, others, state, site), label);
  }
}

/** `while` and `for (;;)`: with a traced condition a loop node. */
export function while_(
  test: () => unknown,
  body: Body,
  update: (() => void) | null,
  state: State | null,
  site: Site,
  label: string | null = null,
): Completion {
  const isTried = isEndless(test) && activeBuilder() !== null;
  for (;;) {
    const goOn = test();
    if (goOn instanceof TensorProxy) return graphWhile(goOn, test, body, update, state, site, label);
    if (!goOn) return undefined;
    const end = isTried ? tryBody(body, state, label) : withoutContinue(body(), label);
    // Its end depends on a traced value: it cannot be unrolled, and is begun again as a loop node.
    if (isTried && end?.kind === 'choice') return graphWhile(toProxy(true), test, body, update, state, site, label);
    if (end === undefined) {
      update?.();
      continue;
    }
    if (end.kind !== 'choice') return withoutBreak(end, label);
    const others = (): Completion => {
      update?.();
      return while_(test, body, update, state, site, label);
    };
    return withoutBreak(andThen(end, others, state, site), label);
  }
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
  return graphLoop(target, { trip: null, test, first: truth(first), body: () => body(), update, state, site, label });
}

/** `while (true)` and `for (;;)`: only a jump ends them. */
function isEndless(test: () => unknown): boolean {
  return /^\(\)\s*=>\s*(true|!0|1)$/.test(String(test));
}

/** Runs an iteration, which stays unless its end depends on a traced value. */
function tryBody(body: Body, state: State | null, label: string | null): Completion {
  const target = builder();
  return target.attempt(
    () => {
      state?.names.forEach((_, index) => {
        target.note(new VariableSlot(state, index));
      });
      return withoutContinue(body(), label);
    },
    (end) => end?.kind !== 'choice',
  );
}
