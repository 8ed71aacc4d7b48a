import type { Node, Region, Site, Value } from '../graph/types.ts';
import { wrap } from '../tracing/apply.ts';
import { activeBuilder, type Builder, builder } from '../tracing/builder.ts';
import { keepAsItIs } from '../tracing/copies.ts';
import { asked } from '../tracing/doubtful.ts';
import { capture } from '../tracing/forms/capture.ts';
import type { Form } from '../tracing/forms/form.ts';
import { isMadeOfParts, Made, NONE, type Parts } from '../tracing/forms/parts.ts';
import { inner } from '../tracing/hidden.ts';
import type { Change, Slot } from '../tracing/journal.ts';
import { eitherPass, hasPass, type LastPass } from '../tracing/last-pass.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { SaveSlot, type SaveState } from '../tracing/saves.ts';
import { ArraySlot, MISSING, type State, VariableSlot } from '../tracing/slots.ts';
import { Storage } from '../tracing/storage.ts';
import { settled, setUses, type Varying } from '../tracing/varying.ts';
import {
  type Completion,
  isAbrupt,
  isNormal,
  Jump,
  mapEnds,
  type Return,
  return_,
  valueOfReturn,
} from './completions.ts';
import { checkFixed } from './fixed-slots.ts';
import { formOf, heldIn, put } from './holding.ts';
import { Merge } from './merge.ts';
import { type Truth, truthOf } from './truth.ts';

/** `if`: on a traced condition both branches become bodies of a conditional node. */
export function if_(
  given: unknown,
  then: () => Completion,
  otherwise: (() => Completion) | null,
  state: State | null,
  site: Site,
): Completion {
  const test = truthOf(given, site);
  if (!(test instanceof TensorProxy)) return test ? then() : otherwise?.();
  return branch(builder(), test, then, otherwise ?? (() => undefined), state);
}

/** A further condition, and the body that runs if it is the first that holds; null for what runs if none does. */
export type Link = readonly [test: (() => unknown) | null, body: () => Completion, site: Site];

/** `if … else if … else`, one beside the other. */
export function firstOf(
  first: unknown,
  then: () => Completion,
  links: readonly Link[],
  state: State | null,
  site: Site,
): Completion {
  const passes: boolean[] = [];
  const taking = (body: () => Completion) => () => {
    const end = mapEnds(body(), (one) => one ?? TAKEN);
    const target = activeBuilder();
    if (target) passes.push(hasPass(target));
    return end;
  };
  let end = if_(first, taking(then), null, state, site);
  for (const [test, body, at] of links) {
    if (isAbrupt(end)) break;
    end = andThen(end, test ? () => if_(test(), taking(body), null, state, at) : taking(body), state, at);
  }
  if (isAbrupt(end) && passes.every((has) => has)) activeBuilder()?.passes.settle();
  return mapEnds(end, (one) => (one === TAKEN ? undefined : one));
}

/** The end of a chain at the first condition that holds. */
const TAKEN = new Jump('break', null);

/** The statements after one that may have jumped: they run where it ended normally. */
export function andThen(completion: Completion, rest: () => Completion, state: State | null, site: Site): Completion {
  return where(isNormal(completion), rest, completion, state, site);
}

/** What runs where `test` holds; elsewhere a completion stays what it is. */
export function where(
  test: Truth,
  body: () => Completion,
  completion: Completion,
  state: State | null,
  site: Site,
): Completion {
  if (typeof test === 'boolean') return test ? body() : completion;
  const target = builder();
  target.site = site;
  return branch(target, test, body, () => settled(completion), state);
}

/** `?:` */
export function conditional(
  given: unknown,
  a: () => unknown,
  b: () => unknown,
  state: State | null,
  site: Site,
): unknown {
  const test = truthOf(given, site);
  if (!(test instanceof TensorProxy)) return test ? a() : b();
  const either = branch(
    builder(),
    test,
    () => return_(a()),
    () => return_(b()),
    state,
  );
  return valueOfReturn(either as Return);
}

/** `&&` */
export function and(a: unknown, b: () => unknown, site: Site, state: State | null = null): unknown {
  const value = asked(settled(a));
  const test = truthOf(value, site);
  if (test instanceof TensorProxy) return conditional(test, b, () => settled(value), state, site);
  return test ? b() : settled(value);
}

/** `||` */
export function or(a: unknown, b: () => unknown, site: Site, state: State | null = null): unknown {
  const value = asked(settled(a));
  const test = truthOf(value, site);
  if (test instanceof TensorProxy) return conditional(test, () => settled(value), b, state, site);
  return test ? settled(value) : b();
}

/** Applies `use` to the value that a varying one is: a conditional over its cases. */
export function distribute(
  { builder: target, cases }: Pick<Varying, 'builder' | 'cases'>,
  use: (value: unknown) => unknown,
  state: State | null = null,
): unknown {
  const from = (index: number): unknown => {
    const { test, value } = cases[index]!;
    if (index === cases.length - 1) return use(value);
    const either = branch(
      target,
      wrap(target, test),
      () => return_(use(value)),
      () => return_(from(index + 1)),
      state,
    );
    return valueOfReturn(either as Return);
  };
  return from(0);
}

setUses({ distribute });

/** One body of a conditional: how it ended, and what the slots held at its end. */
interface Side {
  readonly region: Region;
  readonly end: Form<Value>;
  /** The changed slots, with their values at that time. */
  readonly changed: ReadonlyMap<Slot, unknown>;
  readonly held: Map<Slot, Held>;
  /** The last backward pass at its end. */
  readonly pass: LastPass | null;
}

/** What a slot holds. */
type Held = Form<Value> | SaveState | null;

function hold(target: Builder, slot: Slot, made: Parts): Held {
  const value = slot.get();
  // Only a property with a save may come and go: without the save, it holds nothing.
  return slot instanceof SaveSlot
    ? (value as SaveState | null)
    : formOf(target, slot, value === MISSING ? undefined : value, made);
}

/**
 * A loop makes objects anew in each iteration, so that an array from outside which a branch in it fills holds copies of
 * them. From here on those must stay as they are.
 */
function withEntries(target: Builder, { slot, before, after }: Change, parts: Parts): Parts {
  if (!(slot instanceof ArraySlot) || target.isOfLoop(slot.owner)) return parts;
  const [items, known] = [after, before] as readonly unknown[][];
  const ofLoop = new Set(items!.slice(known!.length).filter((item) => isMadeOfParts(item) && target.isOfLoop(item)));
  for (const item of ofLoop) if (!parts.includes(item as object)) keepAsItIs(item as object);
  return { includes: (one) => parts.includes(one) || ofLoop.has(one), isShared: (one) => parts.isShared(one) };
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
  const condition = test[inner].value();
  const variables = state ? state.names.map((_, index) => new VariableSlot(state, index)) : [];
  const sites = new Map<Slot, Site | null>();
  const record = (body: () => Completion, is: boolean, also: Iterable<Slot>): Side => {
    const held = new Map<Slot, Held>();
    const changed = new Map<Slot, unknown>();
    let end!: Form<Value>;
    let pass: LastPass | null = null;
    const { region } = target.record(
      () => {
        for (const slot of variables) target.note(slot);
        return body();
      },
      ({ region, journal, result }) => {
        target.saves.settle(region);
        const changes = journal.changes().filter(({ slot, site }) => {
          sites.set(slot, site);
          return slot.region !== region && !(slot instanceof VariableSlot && !variables.includes(slot));
        });
        for (const { slot, after } of changes) changed.set(slot, after);
        const reachable = [...changed].flatMap(([slot, after]) => heldIn(slot, after));
        const made = new Made([...reachable, result], (one) => target.isOwn(one)).inBranch;
        for (const slot of also) if (!slot.fixed) held.set(slot, hold(target, slot, made));
        for (const one of changes)
          if (!one.slot.fixed) held.set(one.slot, hold(target, one.slot, withEntries(target, one, made)));
        end = capture(target, result, made);
        pass = target.passes.last;
      },
      { value: condition, is },
    );
    target.passes.last = before;
    return { region, end, changed, held, pass };
  };
  const before = target.passes.last;
  const a = record(then, true, []);
  const b = record(otherwise, false, a.changed.keys());
  target.site = site;
  const slots = new Set([...a.changed.keys(), ...b.changed.keys()]);
  const merge = new Merge(target, condition, a.region, b.region);
  const merged = [...slots].map((slot) => {
    const [one, other] = [a, b].map(({ changed }) => (changed.has(slot) ? changed.get(slot) : slot.get()));
    checkFixed(slot, one, other, 'depending on a traced condition', sites.get(slot)!);
    if (slot.fixed) return [slot, () => slot.set(one)] as const;
    const inThen = a.held.get(slot) ?? holdLater(target, a, slot);
    const inElse = b.held.get(slot)!;
    if (slot instanceof SaveSlot) {
      const later = merge.saves(inThen as SaveState | null, inElse as SaveState | null);
      return [slot, (node: Node) => slot.set(later(node))] as const;
    }
    const later = merge.values(slot.name, inThen as Form<Value>, inElse as Form<Value>);
    return [slot, (node: Node) => put(target, slot, later(node))] as const;
  });
  const end = merge.values('the result', a.end, b.end);
  target.saves.dropMerged([a.region, b.region]);
  const node = target.addTyped('if', [condition], merge.types, {}, [a.region, b.region]);
  target.scope.close(node, condition);
  for (const [slot, set] of merged) {
    target.note(slot);
    set(node);
  }
  target.passes.last = eitherPass(target, node, before, [a.pass, b.pass]);
  return end(node);
}

/** The value, at the end of this branch, of a slot that only the other branch changed: this one may have changed its tensor in place. */
function holdLater(target: Builder, side: Side, slot: Slot): Held {
  const tensors = [...side.changed].filter(([one]) => one instanceof Storage);
  const before = tensors.map(([one]) => one.get());
  for (const [one, after] of tensors) one.set(after);
  try {
    return target.within(side.region, () => hold(target, slot, NONE));
  } finally {
    tensors.forEach(([one], i) => {
      one.set(before[i]);
    });
  }
}
