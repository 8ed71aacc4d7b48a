import { broadcastShapes } from '../graph/broadcast.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { outputTypes } from '../graph/operations/index.ts';
import type { AttributesOf, TensorOp } from '../graph/ops.ts';
import { promote } from '../graph/promotion.ts';
import type { DType, Node, NodeOf, TensorType, Value } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { areApart, isPlain, isSamePart, type Part } from './parts.ts';

/**
 * What a block makes of a tap's value, in the terms of the tap: each element is `value * scale + add`, or `add` where the mask is
 * true, by the same operations in the same order as the block has them. Null stands for 1, -0 (which changes nothing, not even
 * a -0) and false.
 */
export interface TapForm {
  /** The tensor of the model that has the tap. */
  readonly tensor: string;
  readonly type: TensorType & { readonly shape: readonly number[] };
  /** Which part of the tensor it is: the first part, of that the second, and so on. */
  readonly parts: readonly Part[];
  readonly scale: Value | null;
  readonly add: Value | null;
  readonly mask: Value | null;
  /** Whether something was added where the mask is false. */
  readonly isMoved: boolean;
  /** The part that was set last, what it was set to (null: to something else than a part of the tensor), and in what. */
  readonly last?: { readonly part: Part; readonly to: TapForm | null; readonly before: TapForm };
}

type Side = TapForm | Value;

/** Finds the forms of values, and writes the nodes that give their scales, addends and masks. */
export class TapForms {
  private readonly graph: InterventionGraph;
  private readonly isIndependent: (value: Value) => boolean;
  private readonly constants = new Map<string, Value>();

  /**
   * @param graph where nodes are written
   * @param isIndependent whether a value can be known before the model runs
   */
  constructor(graph: InterventionGraph, isIndependent: (value: Value) => boolean) {
    this.graph = graph;
    this.isIndependent = isIndependent;
  }

  /** The form of a tensor that has a tap, as the model computes it; null where its shape is not known before the run. */
  read(tensor: string, { dtype, shape }: TensorType): TapForm | null {
    if (!isKnown(shape)) return null;
    return { tensor, type: { dtype, shape }, parts: [], scale: null, add: null, mask: null, isMoved: false };
  }

  /** The form of a tensor of which nothing is left: a value stands in its place. Null where that has another type. */
  replaced(tensor: string, type: TensorType, value: Value, node: Node): TapForm | null {
    const form = this.read(tensor, type);
    return form && this.elementwise(form, value, node, (add) => ({ add, mask: this.constant('bool', true) }));
  }

  /**
   * The form of what a node makes of forms and of independent values; null if it has none.
   * @param sides the forms of its inputs, or what they are in the graph
   */
  of(node: Node, sides: readonly Side[]): TapForm | null {
    if (!sides.every((side) => isForm(side) || this.isIndependent(side))) return null;
    const [first, second, third] = sides as [Side, Side, Side];
    switch (node.op) {
      case 'mul':
        return isForm(first) ? this.scaled(first, second, node) : this.scaled(second as TapForm, first, node);
      case 'add':
        return isForm(first)
          ? this.moved(first, second, 'add', node)
          : this.moved(second as TapForm, first, 'add', node);
      case 'sub':
        return isForm(first)
          ? this.moved(first, second, 'sub', node)
          : this.moved(this.negative(second as TapForm, node), first, 'add', node);
      case 'neg':
        return this.negative(first as TapForm, node);
      case 'cast':
        return isForm(first) && node.attributes.dtype === first.type.dtype ? first : null;
      case 'expand':
      case 'reshape':
        return isForm(first) && second.type.constant?.join() === first.type.shape.join() ? first : null;
      case 'where':
        return isForm(first) ? null : this.chosen(first, second, third, node);
      case 'getitem':
        return isForm(first) ? this.part(first, partOf(node, sides), node) : null;
      case 'setitem':
        return isForm(first) ? this.withPart(first, partOf(node, sides.toSpliced(-1, 1)), sides.at(-1)!, node) : null;
      default:
        return null;
    }
  }

  /** A value in the number of dimensions of the tap that it is for, as an input of the model. */
  ranked(value: Value, rank: number, node: Node): Value {
    const missing = rank - value.type.shape!.length;
    const data = value.node && this.graph.operands.get(value.node);
    if (missing === 0) return value;
    const dims = Array.from({ length: missing }, (_, i) => i);
    if (!data) return this.add('unsqueeze', [value], { dims }, node);
    return this.operand(value.type.dtype, [...dims.map(() => 1), ...data.dims], data.data);
  }

  /** A shape as a value. */
  sizes(shape: readonly number[]): Value {
    return this.operand('int64', [shape.length], BigInt64Array.from(shape, BigInt), shape);
  }

  private scaled(form: TapForm, by: Side, node: Node): TapForm | null {
    if (isForm(by) || form.scale || form.add || form.mask) return null;
    return this.elementwise(form, by, node, (factor) => ({ scale: factor }));
  }

  private moved(form: TapForm, by: Side, op: 'add' | 'sub', node: Node): TapForm | null {
    if (isForm(by) || form.isMoved) return null;
    return this.elementwise(form, by, node, (addend) => {
      if (form.add) return { add: this.add(op, [form.add, addend], {}, node), isMoved: true };
      return { add: op === 'add' ? addend : this.add('neg', [addend], {}, node), isMoved: true };
    });
  }

  private negative(form: TapForm, node: Node): TapForm {
    const scale = form.scale ? this.add('neg', [form.scale], {}, node) : this.constant(form.type.dtype, -1);
    return { ...without(form), scale, add: form.add && this.add('neg', [form.add], {}, node) };
  }

  /** `where(condition, a, b)`: the side that is no form goes on under the mask. */
  private chosen(condition: Value, a: Side, b: Side, node: Node): TapForm | null {
    if (isForm(a) === isForm(b) || condition.type.dtype !== 'bool') return null;
    const [form, other] = (isForm(a) ? [a, b] : [b, a]) as [TapForm, Value];
    return this.elementwise(form, other, node, (given) => {
      const own = isForm(a) ? this.add('logicalNot', [condition], {}, node) : condition;
      const add = this.add(
        'where',
        [own, given, form.add ?? this.constant(form.type.dtype, -0)],
        { signed: true },
        node,
      );
      const mask = form.mask ? this.add('logicalOr', [form.mask, own], {}, node) : own;
      return { add, mask };
    });
  }

  /** A form whose elements are changed one by one by those of another value; null where that is not known to keep its type. */
  private elementwise(form: TapForm, by: Value, node: Node, change: (by: Value) => Partial<TapForm>): TapForm | null {
    const { dtype, shape } = form.type;
    if (!isKnown(by.type.shape)) return null;
    const isSame =
      promote([form.type, by.type]) === dtype && broadcastShapes(shape, by.type.shape)?.join() === shape.join();
    return isSame ? { ...without(form), ...change(this.cast(by, dtype, node)) } : null;
  }

  private part(form: TapForm, part: Part, node: NodeOf<'getitem'>): TapForm | null {
    let whole = form;
    while (whole.last && areApart(whole.last.part, part, whole.type.shape)) whole = whole.last.before;
    if (whole.last?.to && isSamePart(whole.last.part, part)) return whole.last.to;
    const take = (value: Value | null, empty: number | boolean) =>
      value && this.add('getitem', [this.spread(value, whole, empty, node), ...part.operands], node.attributes, node);
    const types = [whole.type, ...part.operands.map(({ type }) => type)];
    const [{ dtype, shape }] = outputTypes('getitem', types, node.attributes) as [TensorType];
    if (!isPlain(part) || !isKnown(shape)) return null;
    return {
      ...without(whole),
      type: { dtype, shape },
      parts: [...whole.parts, part],
      scale: take(whole.scale, 1),
      add: take(whole.add, -0),
      mask: take(whole.mask, false),
    };
  }

  private withPart(form: TapForm, part: Part, to: Side, node: NodeOf<'setitem'>): TapForm | null {
    const put = (into: Value | null, value: Value, empty: number | boolean) =>
      this.add('setitem', [this.spread(into, form, empty, node), ...part.operands, value], node.attributes, node);
    if (!isForm(to)) {
      return {
        ...form,
        add: put(form.add, to, -0),
        mask: put(form.mask, this.constant('bool', true), false),
        last: { part, to: null, before: form },
      };
    }
    const isOwn = to.tensor === form.tensor && isPlain(part) && to.parts.length === form.parts.length + 1;
    if (!isOwn || ![...form.parts, part].every((one, i) => isSamePart(one, to.parts[i]!))) return null;
    const join = (into: Value | null, value: Value | null, empty: number | boolean) => {
      if (into === null && value === null) return null;
      return put(into, value ?? this.constant(typeof empty === 'boolean' ? 'bool' : form.type.dtype, empty), empty);
    };
    return {
      ...form,
      scale: join(form.scale, to.scale, 1),
      add: join(form.add, to.add, -0),
      mask: join(form.mask, to.mask, false),
      isMoved: form.isMoved || to.isMoved,
      last: { part, to, before: form },
    };
  }

  /** A value in the whole shape of a form. */
  private spread(value: Value | null, { type: { dtype, shape } }: TapForm, empty: number | boolean, node: Node): Value {
    if (value && value.type.shape!.join() === shape.join()) return value;
    const one = value ?? this.constant(typeof empty === 'boolean' ? 'bool' : dtype, empty);
    return this.add('expand', [one, this.sizes(shape)], {}, node);
  }

  private cast(value: Value, dtype: DType, node: Node): Value {
    return value.type.dtype === dtype ? value : this.add('cast', [value], { dtype }, node);
  }

  private constant(dtype: DType, value: number | boolean): Value {
    const key = `${dtype} ${Object.is(value, -0) ? '-0' : value}`;
    const known = this.constants.get(key) ?? this.operand(dtype, [], Tensor.from([value] as number[], dtype).raw);
    this.constants.set(key, known);
    return known;
  }

  private operand(
    dtype: DType,
    dims: readonly number[],
    data: Tensor['raw'] | ArrayLike<number> | ArrayLike<bigint>,
    constant?: readonly number[],
  ): Value {
    const type: TensorType = { dtype, shape: dims, ...(constant && { constant }) };
    const node = this.graph.add(this.graph.root, 'operand', [], [type], { dtype }, null);
    this.graph.operands.set(node as Node, { dims, data });
    return node.outputs[0]!;
  }

  private add<O extends TensorOp>(op: O, inputs: readonly Value[], attributes: AttributesOf<O>, { site }: Node): Value {
    const types = outputTypes(
      op,
      inputs.map(({ type }) => type),
      attributes,
    );
    return this.graph.add(this.graph.root, op, inputs, types, attributes, site).outputs[0]!;
  }
}

const isForm = (side: Side): side is TapForm => 'parts' in side;

const isKnown = (shape: TensorType['shape']): shape is readonly number[] =>
  shape?.every((dim) => dim !== null) ?? false;

/** A form of which nothing is known of how it was made. */
function without({ last: _, ...form }: TapForm): TapForm {
  return form;
}

function partOf({ attributes }: NodeOf<'getitem'> | NodeOf<'setitem'>, [, ...operands]: readonly Side[]): Part {
  return { items: attributes.items, operands: operands as Value[] };
}
