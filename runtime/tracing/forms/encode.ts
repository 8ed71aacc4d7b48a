import type { DType, TensorType, Value } from '../../graph/types.ts';
import { apply, toProxy, wrap } from '../apply.ts';
import { blank, truthValue } from '../blanks.ts';
import type { Builder } from '../builder.ts';
import { inner } from '../hidden.ts';
import { GraphEntries, joinLists, type ListValue, listOf } from '../lists.ts';
import { SavedProxy } from '../saves.ts';
import { checkSure, handOnDoubt } from '../shared-perhaps.ts';
import { valueOfSave } from './capture.ts';
import { type ArrayForm, type Form, type Rest, TRUTH, typesOf } from './form.ts';
import { casesOf, isAlike, nestedLists } from './join.ts';

/** How the tensors of a form are made: values of the graph, or lists with one for each entry. */
export interface Leaves<L> {
  /** A tensor as one of another dtype. */
  cast(leaf: L, dtype: DType): L;
  /** A number or data of the user. */
  of(value: unknown, dtype: DType): L;
  /** A placeholder where there is no tensor. */
  none(type: TensorType): L;
  truth(is: boolean): L;
  rest(items: readonly Form<L>[], from: Rest<L> | null, to: Rest<unknown>): L[];
}

/** The tensors of a value, laid out as the more general form `to` has them. */
export function encode<L>(from: Form<L>, to: Form<unknown>, leaves: Leaves<L>): L[] {
  switch (to.kind) {
    case 'plain':
      return [];
    case 'tensor':
      return [encodeTensor(from, to.type.dtype, leaves)];
    case 'array': {
      const { items, rest } = from as ArrayForm<L>;
      const own = to.items.flatMap((item, i) => encode(items[i]!, item, leaves));
      return to.rest ? [...own, ...leaves.rest(items.slice(to.items.length), rest, to.rest)] : own;
    }
    case 'record': {
      const fields = new Map((from as typeof to).fields as readonly (readonly [string, Form<L>])[]);
      return to.fields.flatMap(([name, field]) => encode(fields.get(name)!, field, leaves));
    }
    case 'cases':
      return to.cases.flatMap(({ form }) => {
        const own = casesOf(from).find((one) => isAlike(one.form, form));
        if (!own) return [leaves.truth(false), ...typesOf(form).map((type) => leaves.none(type))];
        return [own.test ?? leaves.truth(true), ...encode(own.form, form, leaves)];
      });
  }
}

function encodeTensor<L>(from: Form<L>, dtype: DType, leaves: Leaves<L>): L {
  if (from.kind === 'tensor') return leaves.cast(from.leaf!, dtype);
  return leaves.of((from as { readonly value: unknown }).value, dtype);
}

/** Values of the graph, made where the code runs. */
export function valueLeaves(target: Builder): Leaves<Value> {
  const cast = (value: Value, dtype: DType): Value => {
    if (value.type.dtype === dtype) return value;
    const made = target.add('cast', [value], { dtype }).outputs[0]!;
    handOnDoubt([value], made);
    return made;
  };
  const leaves: Leaves<Value> = {
    cast,
    of(value, dtype) {
      if (typeof value === 'boolean' && dtype === 'bool') return truthValue(target, value);
      return cast(value instanceof SavedProxy ? valueOfSave(target, value) : toProxy(value)[inner].value(), dtype);
    },
    none: (type) => blank(target, type),
    truth: (is) => truthValue(target, is),
    rest(items, from, { entry }) {
      const types = typesOf(entry);
      const lists = [...items, ...(from?.parts ?? [])].map((part): ListValue[] => {
        if (!(part instanceof GraphEntries)) {
          const own = types.length > 0 ? encode(part, entry, leaves) : [truthValue(target, true)];
          for (const leaf of own) checkSure(leaf, target.site);
          return own.map((leaf) => listOf(target, leaf));
        }
        return types.length > 0 ? encode(part.form, entry, listLeaves(target, part)) : [part.counter];
      });
      return (types.length > 0 ? types : [TRUTH]).flatMap((type, i) => {
        const { data, shapes, ranks } = joinLists(
          target,
          lists.map((one) => one[i]!),
          type,
        );
        return [data, shapes, ranks];
      });
    },
  };
  return leaves;
}

/** Lists with as many entries. */
function listLeaves(target: Builder, entries: GraphEntries): Leaves<ListValue> {
  const times = (value: Value, count = entries.length()): Value =>
    apply('expand', [wrap(target, value), apply('unsqueeze', [count], { dims: [0] })])[inner].value();
  const zeros = () => times(toProxy(0)[inner].value());
  const scalars = (value: Value): ListValue => ({
    data: times(value),
    shapes: blank(target, { dtype: 'int64', shape: [0] }),
    ranks: zeros(),
    entry: [],
  });
  const leaves: Leaves<ListValue> = {
    cast: (list, dtype) => {
      const data = wrap(target, list.data);
      return data.dtype === dtype ? list : { ...list, data: apply('cast', [data], { dtype })[inner].value() };
    },
    of(value, dtype) {
      const proxy = toProxy(value, dtype);
      if (proxy[inner].type.shape?.length === 0) return leaves.cast(scalars(proxy[inner].value()), dtype);
      throw nestedLists();
    },
    none(type) {
      const none = blank(target, type);
      if (type.shape?.length === 0) return scalars(none);
      // An entry that is not there has one dimension, of size 0.
      return { data: none, shapes: zeros(), ranks: times(toProxy(1)[inner].value()), entry: [0] };
    },
    truth: (is) => scalars(truthValue(target, is)),
    rest() {
      throw nestedLists();
    },
  };
  return leaves;
}
