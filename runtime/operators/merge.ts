import type { Node, Region, TensorType, Value } from '../graph/types.ts';
import { apply, wrap } from '../tracing/apply.ts';
import { constantTruth } from '../tracing/blanks.ts';
import type { Builder } from '../tracing/builder.ts';
import type { Fact } from '../tracing/facts.ts';
import { build } from '../tracing/forms/build.ts';
import { encode, valueLeaves } from '../tracing/forms/encode.ts';
import { type Form, type PlainForm, type TensorForm, typesOf } from '../tracing/forms/form.ts';
import { join } from '../tracing/forms/join.ts';
import { inner } from '../tracing/hidden.ts';
import { type EntriesCase, emptyList, type GraphEntries, type ListValue, listOf } from '../tracing/lists.ts';
import { SavedProxy, type SaveState, saveMerged } from '../tracing/saves.ts';
import { handOnDoubt } from '../tracing/shared-perhaps.ts';

/** Makes the real value once the node exists whose outputs it is made of. */
export type Later<T> = (node: Node) => T;

/** Collects the results of a conditional node: for each tensor a value of either body. */
export class Merge {
  readonly types: TensorType[] = [];
  private readonly target: Builder;
  private readonly condition: Value;
  private readonly bodies: readonly [then: Region, otherwise: Region];
  private negated: Value | null = null;

  /** @param condition the truth value that decides */
  constructor(target: Builder, condition: Value, then: Region, otherwise: Region) {
    this.target = target;
    this.condition = condition;
    this.bodies = [then, otherwise];
  }

  /** The value after the node: `a` where the condition holds, else `b`. */
  values(name: string, a: Form<Value>, b: Form<Value>): Later<unknown> {
    const form = this.withPlain(join(a, b), a, b);
    const types = typesOf(form);
    const [then, otherwise] = [a, b].map((one, side) =>
      this.target.within(this.bodies[side]!, () => encode(one, form, valueLeaves(this.target))),
    );
    const pairs = types.map((type, i) => this.pair(then![i]!, otherwise![i]!, type));
    return (node) => {
      const given = pairs.map((pair) => pair(node)).values();
      const made = build(this.target, form, given, name, ({ saves }, value, tests) =>
        mergedSave(this.target, value, tests, saves),
      );
      if (form.kind === 'array' && form.rest) {
        const entries = (made as unknown[]).at(-1) as GraphEntries;
        entries.cases = this.entriesCases(form.items.length, a, b);
      }
      return made;
    };
  }

  /** Notes of each tensor in it the plain values that it is known to be where the condition is known. */
  private withPlain(form: Form<null>, a: Form<Value>, b: Form<Value>): Form<null> {
    if (form.kind === 'tensor') {
      const sides = [a, b].map((side, i) => ({ side, is: i === 0 }));
      const plain = sides.flatMap(({ side, is }) =>
        side.kind === 'plain' ? [{ test: this.condition, is, value: side.value }] : [],
      );
      return plain.length > 0 ? { ...form, plain } : form;
    }
    if (form.kind === 'array' && a.kind === 'array' && b.kind === 'array') {
      return { ...form, items: form.items.map((item, i) => this.withPlain(item, a.items[i]!, b.items[i]!)) };
    }
    if (form.kind === 'record' && a.kind === 'record' && b.kind === 'record') {
      const fields = form.fields.map(
        ([name, field], i) => [name, this.withPlain(field, a.fields[i]![1], b.fields[i]![1])] as const,
      );
      return { ...form, fields };
    }
    return form;
  }

  /** The entries behind the first ones, where the condition is known. */
  private entriesCases(count: number, a: Form<Value>, b: Form<Value>): readonly EntriesCase[] {
    return [a, b].flatMap((form, side) => {
      if (form.kind !== 'array' || form.rest) return [];
      const items = form.items.slice(count);
      if (!items.every(isSingle)) return [];
      return [{ test: this.condition, is: side === 0, entries: () => items.map((item) => this.reached(item)) }];
    });
  }

  /** What a body has made, where it is known to have run. */
  private reached(form: PlainForm | TensorForm<Value>): unknown {
    if (form.kind === 'plain') return form.value;
    const value = wrap(this.target, this.target.scope.reach(form.leaf!, true)!);
    value[inner].isMixed = form.isMixed ?? false;
    return value;
  }

  /** One result of the node. */
  pair(a: Value, b: Value, type: TensorType): Later<Value> {
    if (a === b) return () => a;
    const [then, otherwise] = [constantTruth(this.target, a), constantTruth(this.target, b)];
    if (then === true && otherwise === false) return () => this.condition;
    if (then === false && otherwise === true) return () => this.not();
    this.bodies[0].results.push(a);
    this.bodies[1].results.push(b);
    const index = this.types.length;
    this.types.push(type);
    return (node) => {
      const value = node.outputs[index]!;
      handOnDoubt([a, b], value);
      // If it has a value that one body never gives, the other body ran.
      if (then !== null) this.tells(value, !then, { value: this.condition, is: false }, { value: b, is: !then });
      if (otherwise !== null)
        this.tells(value, !otherwise, { value: this.condition, is: true }, { value: a, is: !otherwise });
      return value;
    };
  }

  private tells(value: Value, is: boolean, ...others: readonly Fact[]): void {
    this.target.scope.consequences.add({ value, is }, others);
  }

  private not(): Value {
    this.negated ??= apply('logicalNot', [wrap(this.target, this.condition)])[inner].value();
    return this.negated;
  }

  /** A save that stands in one body or in both. */
  saves(a: SaveState | null, b: SaveState | null): Later<SaveState> {
    const some = a ?? b!;
    const [then, otherwise] = [a, b].map((state, side) =>
      this.target.within(this.bodies[side]!, () => this.listOfSave(state, some)),
    );
    const { dtype } = stateType(some);
    const fields = (['data', 'shapes', 'ranks'] as const).map((field) =>
      this.pair(then![field], otherwise![field], {
        dtype: field === 'data' ? dtype : 'int64',
        shape: [null],
      }),
    );
    const entry = stateEntry(some);
    const loop = some.kind === 'list' && some.loop;
    return (node) => {
      const [data, shapes, ranks] = fields.map((field) => field(node)) as [Value, Value, Value];
      return { kind: 'list', list: { data, shapes, ranks, entry }, loop };
    };
  }

  private listOfSave(state: SaveState | null, like: SaveState): ListValue {
    if (!state) return emptyList(this.target, stateType(like).dtype);
    return state.kind === 'list' ? state.list : listOf(this.target, state.value);
  }
}

/** Whether an entry is one tensor or plain value. What is saved stands for itself in each body. */
function isSingle(form: Form<Value>): form is PlainForm | TensorForm<Value> {
  if (form.kind === 'plain') return !(form.value instanceof SavedProxy);
  return form.kind === 'tensor' && form.saves.length === 0;
}

/** Saves in several bodies are one save behind the node, which is there if all `tests` hold. */
export function mergedSave(
  target: Builder,
  value: Value,
  tests: readonly Value[],
  merged: readonly SavedProxy[],
): SavedProxy {
  const truths = tests.map((test) => wrap(target, test));
  const when = truths.length === 0 ? null : truths.reduce((x, y) => apply('logicalAnd', [x, y]))[inner].value();
  return saveMerged(target, wrap(target, value), when, merged);
}

export function stateType(state: SaveState): TensorType {
  return state.kind === 'single' ? state.value.type : state.list.data.type;
}

export function stateEntry(state: SaveState): TensorType['shape'] {
  return state.kind === 'single' ? state.value.type.shape : state.list.entry;
}
