import type { Value } from '../../graph/types.ts';
import { BELOW } from '../../graph/unequal.ts';
import { wrap } from '../apply.ts';
import type { Builder } from '../builder.ts';
import { keepAsItIs } from '../copies.ts';
import { inner } from '../hidden.ts';
import { GraphEntries, guardEntries, type ListValue } from '../lists.ts';
import { present } from '../present.ts';
import { TensorProxy } from '../proxy.ts';
import { mayBe } from '../shared-perhaps.ts';
import { type Case, type Varying, vary } from '../varying.ts';
import { type ArrayForm, entryTypes, type Form, type TensorForm } from './form.ts';
import { INNER, leaveUnnamed } from './parts.ts';

/** What becomes of a tensor that was saved. It is there if all `tests` hold. */
export type Resave = (form: TensorForm<unknown>, value: Value, tests: readonly Value[]) => unknown;

/** Makes a value of its form and its tensors. `name` is what the user calls it. */
export function build(
  target: Builder,
  form: Form<unknown>,
  values: Iterator<Value>,
  name: string,
  resave: Resave,
): unknown {
  let isReturned = false;
  /** Objects that are made here are new, or copies of one that several places hold. */
  const made = <T extends object>(object: T, isShared: boolean): T => {
    target.made(object);
    if (isShared) keepAsItIs(object);
    else if (isReturned) leaveUnnamed(object);
    return object;
  };
  const make = (one: Form<unknown>, path: string, tests: readonly Value[]): unknown => {
    switch (one.kind) {
      case 'plain':
        return one.value;
      case 'tensor': {
        const value = next(values);
        if (one.saves.length > 0) return resave(one, value, tests);
        const proxy = wrap(target, value);
        proxy[inner].isMixed = one.isMixed ?? false;
        mayBe(proxy[inner].root, one.from ?? []);
        proxy[inner].plain = one.plain ?? null;
        return proxy;
      }
      case 'array':
        return makeArray(one, path, tests);
      case 'record': {
        isReturned ||= INNER.has(one.prototype);
        const fields = one.fields.map(
          ([key, field]) =>
            [key, make(field, one.prototype === Object.prototype ? `${path}.${key}` : path, tests)] as const,
        );
        return made(Object.assign(Object.create(one.prototype) as object, Object.fromEntries(fields)), one.isShared);
      }
      case 'cases': {
        const cases = one.cases.map((each) => {
          const test = next(values);
          return { test, value: make(each.form, path, [...tests, test]) };
        });
        return vary(target, path, cases, one.isSure ? sureAmong(target, cases) : null);
      }
    }
  };
  const makeArray = (
    { items, rest, isShared }: ArrayForm<unknown>,
    path: string,
    tests: readonly Value[],
  ): unknown[] => {
    const own = made(
      items.map((item, i) => make(item, `${path}[${i}]`, tests)),
      isShared,
    );
    if (!rest) return own;
    const types = entryTypes(rest.entry);
    const lists = types.map(({ shape }): ListValue => {
      const [data, shapes, ranks] = [next(values), next(values), next(values)];
      return { data, shapes, ranks, entry: shape };
    });
    own.push(new GraphEntries(target, withLeaves(rest.entry, lists.values()), lists[0]!, rest.isKept));
    guardEntries(own);
    return own;
  };
  return make(form, name, []);
}

/** The only tensor among some cases, for code that needs one: where it is not there, the run fails. */
function sureAmong(target: Builder, cases: readonly Case[]): Varying['sure'] {
  const [there, ...others] = cases.filter(({ value }) => value !== undefined && value !== null);
  if (!there || others.length > 0 || !(there.value instanceof TensorProxy)) return null;
  const { test, value } = there;
  return () => present([wrap(target, test)], value, BELOW);
}

/** A form with tensors, in the order of `typesOf`. */
export function withLeaves<L>(form: Form<unknown>, leaves: Iterator<L>): Form<L> {
  switch (form.kind) {
    case 'plain':
      return form;
    case 'tensor':
      return { ...form, leaf: next(leaves), proxy: null };
    case 'array':
      return { ...form, of: null, items: form.items.map((item) => withLeaves(item, leaves)), rest: null };
    case 'record':
      return { ...form, of: null, fields: form.fields.map(([name, field]) => [name, withLeaves(field, leaves)]) };
    case 'cases':
      return {
        ...form,
        cases: form.cases.map((one) => ({ test: next(leaves), form: withLeaves(one.form, leaves) })),
      };
  }
}

function next<T>(values: Iterator<T>): T {
  return values.next().value as T;
}
