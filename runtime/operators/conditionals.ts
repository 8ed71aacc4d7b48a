import { TraceError } from '../errors.ts';
import type { Site, Value } from '../graph/types.ts';
import { apply } from '../tracing/apply.ts';
import { type Builder, builder } from '../tracing/builder.ts';
import type { Slot } from '../tracing/journal.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { SaveSlot, type SaveState, settleSaves } from '../tracing/saves.ts';
import { type State, VariableSlot } from '../tracing/slots.ts';
import { Storage } from '../tracing/storage.ts';
import { type Completion, endsWith, mapEnds, mergeEnds, return_ } from './completions.ts';
import { checkFixed } from './fixed-slots.ts';
import { Branches, type Later } from './merge.ts';

/** `if`: on a traced condition both branches become bodies of a conditional node. */
export function if_(
  test: unknown,
  then: () => Completion,
  otherwise: (() => Completion) | null,
  state: State | null,
  site: Site,
): Completion {
  if (!(test instanceof TensorProxy)) return test ? then() : otherwise?.();
  const target = builder();
  target.site = site;
  return branch(target, truth(test), then, otherwise ?? (() => undefined), state);
}

/** The statements after one that may have jumped: they run where it ended normally. */
export function andThen(completion: Completion, rest: () => Completion, state: State | null, site: Site): Completion {
  if (completion === undefined) return rest();
  if (completion.kind !== 'choice') return completion;
  const target = builder();
  target.site = site;
  const normal = endsWith(completion, (end) => end === undefined);
  if (typeof normal === 'boolean') return normal ? rest() : completion;
  return branch(target, normal, rest, () => stripNormal(completion), state);
}

/** The abrupt ends of a completion that is known not to be normal. */
function stripNormal(completion: Completion): Completion {
  if (completion?.kind !== 'choice') return completion;
  const a = stripNormal(completion.then);
  const b = stripNormal(completion.else);
  if (a === undefined) return b;
  return b === undefined ? a : mapEnds({ ...completion, then: a, else: b }, (end) => end);
}

/** `?:` */
export function conditional(
  test: unknown,
  a: () => unknown,
  b: () => unknown,
  state: State | null,
  site: Site,
): unknown {
  if (!(test instanceof TensorProxy)) return test ? a() : b();
  const target = builder();
  target.site = site;
  const end = branch(
    target,
    truth(test),
    () => return_(a()),
    () => return_(b()),
    state,
  );
  return end?.kind === 'return' ? end.value : undefined;
}

/** `&&` */
export function and(a: unknown, b: () => unknown, site: Site, state: State | null = null): unknown {
  return a instanceof TensorProxy ? conditional(a, b, () => a, state, site) : a && b();
}

/** `||` */
export function or(a: unknown, b: () => unknown, site: Site, state: State | null = null): unknown {
  return a instanceof TensorProxy ? conditional(a, () => a, b, state, site) : a || b();
}

/** The truth of a tensor of one element, as PyTorch's `bool(tensor)`. */
export function truth(test: TensorProxy): TensorProxy {
  const { shape } = test.type;
  if (shape?.some((dim) => dim !== null && dim !== 1)) {
    throw new TraceError(
      `Boolean value of a tensor with more than one value is ambiguous (its dims are [${shape.map((dim) => dim ?? '?')}]). Reduce it with any() or all().`,
      test.builder.site,
    );
  }
  const bool = test.dtype === 'bool' ? test : apply('cast', [test], { dtype: 'bool' });
  return shape?.length === 0 ? bool : apply('squeeze', [bool], { dims: null });
}

/** What a slot holds, with tensors as the values they are now: a proxy's meaning ends with its region. */
type Held = { readonly kind: 'value'; readonly value: Value } | { readonly kind: 'other'; readonly value: unknown };

export function hold(slot: Slot): Held {
  const value = slot.get();
  if (slot instanceof Storage) return { kind: 'value', value: value as Value };
  if (value instanceof Storage) return { kind: 'value', value: value.content };
  return { kind: 'other', value };
}

interface Side {
  readonly region: Branches['thenRegion'];
  readonly end: Completion;
  readonly held: ReadonlyMap<Slot, Held>;
}

/** Records both branches and merges what they changed into results of one conditional node. */
function branch(
  target: Builder,
  test: TensorProxy,
  then: () => Completion,
  otherwise: () => Completion,
  state: State | null,
): Completion {
  const { site } = target;
  const condition = test.value();
  const variables = state ? state.names.map((_, index) => new VariableSlot(state, index)) : [];
  const sites = new Map<Slot, Site | null>();
  const record = (body: () => Completion, also: readonly Slot[]): Side & { changed: Slot[] } => {
    const held = new Map<Slot, Held>();
    const changed: Slot[] = [];
    const { region, result } = target.record(
      () => {
        for (const slot of variables) target.note(slot);
        return body();
      },
      ({ region, journal }) => {
        settleSaves(target);
        for (const { slot, site } of journal.changes()) {
          sites.set(slot, site);
          const isInner = slot.region === region || (slot instanceof VariableSlot && !variables.includes(slot));
          if (!isInner) changed.push(slot);
        }
        for (const slot of [...changed, ...also]) held.set(slot, hold(slot));
      },
    );
    return { region, end: result, held, changed };
  };
  const a = record(then, []);
  const b = record(otherwise, a.changed);
  target.site = site;
  const slots = [...new Set([...a.changed, ...b.changed])];
  const branches = new Branches(target, a.region, b.region);
  // A slot that only the other branch changed has here the value from before; what stands at a module may have been changed in place.
  const inThen = (slot: Slot): Held => a.held.get(slot) ?? contentIn(a, slot);
  for (const slot of slots) {
    checkFixed(slot, inThen(slot).value, b.held.get(slot)!.value, 'depending on a traced condition', sites.get(slot)!);
  }
  const merged = slots.map(
    (slot) => [slot, mergeSlot(target, branches, slot, inThen(slot), b.held.get(slot)!)] as const,
  );
  const end = mergeEnds(branches, test, a.end, b.end);
  const node = target.addTyped('if', [condition], branches.types, {}, [a.region, b.region]);
  for (const [slot, later] of merged) {
    target.note(slot);
    slot.set(later(node));
  }
  return end(node);
}

function contentIn(side: Side, slot: Slot): Held {
  const value = slot.get();
  return value instanceof Storage ? (side.held.get(value) ?? hold(slot)) : hold(slot);
}

function mergeSlot(target: Builder, branches: Branches, slot: Slot, a: Held, b: Held): Later<unknown> {
  if (a.kind === 'value' && b.kind === 'value') {
    const value = branches.pair(a.value, b.value);
    return slot instanceof Storage ? value : (node) => target.storage(value(node));
  }
  if (slot.fixed) return () => a.value;
  if (slot instanceof SaveSlot) return branches.mergeSaves(a.value as SaveState | null, b.value as SaveState | null);
  return branches.merge(slot.name, a.value, b.value);
}
