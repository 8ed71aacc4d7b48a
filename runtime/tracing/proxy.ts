import { TraceError } from '../errors.ts';
import { formatType } from '../graph/graph.ts';
import type { AttributesOf } from '../graph/ops.ts';
import type { DType, TensorType, Value } from '../graph/types.ts';
import { isOwnInstance, ownProxy } from '../own-proxies.ts';
import { isSliceString } from '../tensor/slices.ts';
import type { Builder } from './builder.ts';
import { callerSite } from './caller.ts';
import { missingMember } from './missing-member.ts';
import { noValue } from './no-value.ts';
import type { Storage } from './storage.ts';

/** The operations whose result shares memory with their first input, as in PyTorch; of getitem without index tensors. */
export type ViewOp = 'reshape' | 'flatten' | 'squeeze' | 'unsqueeze' | 'permute' | 'expand' | 'getitem';

/** How a view looks at the tensor it was made from. */
export type View = { [O in ViewOp]: ViewOf<O> }[ViewOp];

export interface ViewOf<O extends ViewOp> {
  readonly parent: TensorProxy;
  readonly op: O;
  readonly operands: readonly TensorProxy[];
  readonly attributes: AttributesOf<O>;
}

/** A plain value that a tensor is known to be where a truth value is known. */
export interface PlainCase {
  readonly test: Value;
  readonly is: boolean;
  readonly value: unknown;
}

/** Reads and writes by index, given by the operators: the class itself knows no operations. */
export interface Indexing {
  getitem(self: TensorProxy, key: unknown): unknown;
  setitem(self: TensorProxy, key: unknown, value: unknown): void;
  iterate(self: TensorProxy): Iterator<unknown>;
}

/**
 * Stands for a tensor that exists when the model runs. Either it owns a storage, or it is a view of another proxy; its
 * value is computed from what the storage holds at the moment it is used.
 */
export class TensorProxy {
  static indexing: Indexing;
  readonly builder: Builder;
  readonly storage: Storage | null;
  readonly viewOf: View | null;
  /** For a plain number that traced conditions have merged with others: its value where a condition is known. */
  plain: readonly PlainCase[] | null = null;
  /** Where it shows the rows of one invoke: the tensor of the whole batch. */
  rowsOf: TensorProxy | null = null;
  /** Of a weight that the file has transposed: the matrix in the file, and what was made of it. */
  turned: { readonly inFile: TensorProxy; readonly value: Value } | null = null;
  /** Whether it is a number on one side of a condition and a truth value on the other: 1 and true are one tensor. */
  isMixed = false;
  private seen: { parent: Value; value: Value } | null = null;

  constructor(builder: Builder, storage: Storage | null, view: View | null = null) {
    this.builder = builder;
    this.storage = storage;
    this.viewOf = view;
    // biome-ignore lint/correctness/noConstructorReturn: `h[0]` and `h[':, -1']` are caught by an ES proxy around the object.
    return ownProxy(this, handler);
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: classes that extend it have it, too.
    return isOwnInstance(this, value);
  }

  /**
   * The graph's value that the tensor is now.
   * @param isSure whether the caller is sure that the body that made it has run where the value is used
   */
  value(isSure = false): Value {
    if (!this.builder.open) {
      throw new TraceError(
        'A value of a trace is used after the trace has ended. Return it from the block with save(), and use the tensor you get.',
        callerSite(),
      );
    }
    if (this.storage) {
      const value = this.builder.reach(this.storage.content, isSure);
      if (!value) {
        throw new TraceError(
          'A value made in the body of a condition or loop is used outside of it. Assign it to a variable declared before, or push it to an array.',
          this.builder.site,
        );
      }
      return value;
    }
    const { parent, op, operands, attributes } = this.viewOf!;
    const base = parent.value(isSure);
    if (this.seen?.parent === base && this.builder.visible(this.seen.value)) return this.seen.value;
    const node = this.builder.add(op, [base, ...operands.map((operand) => operand.value(isSure))], attributes);
    this.seen = { parent: base, value: node.outputs[0]! };
    return this.seen.value;
  }

  /** Whether the code that runs now can use it. */
  isReachable(): boolean {
    return this.storage ? this.builder.reach(this.storage.content) !== null : this.viewOf!.parent.isReachable();
  }

  get type(): TensorType {
    return this.value().type;
  }

  get dtype(): DType {
    return this.type.dtype;
  }

  toString(): string {
    return this.builder.open ? `traced ${formatType(this.type)}` : 'a value of a trace that has ended';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  [Symbol.iterator](): Iterator<unknown> {
    return TensorProxy.indexing.iterate(this);
  }

  /** Always an error: JavaScript needs a text or a number now, and there is none before the run. */
  [Symbol.toPrimitive](hint: string): never {
    throw noValue(hint, callerSite() ?? this.builder.site);
  }

  toJSON(): never {
    throw noValue('JSON', callerSite() ?? this.builder.site);
  }
}

/** Replaces what a proxy stands for, in place: its views and the tensor it is a view of see the new elements. */
export function assignInPlace(proxy: TensorProxy, value: Value): void {
  const { builder } = proxy;
  if (proxy.storage) {
    builder.note(proxy.storage);
    proxy.storage.content = value;
    return;
  }
  const view = proxy.viewOf!;
  assignInPlace(view.parent, undoView(builder, view, view.parent.value(), value));
}

/** The tensor `base` with the part that a view shows replaced by `value`. */
function undoView(builder: Builder, view: View, base: Value, value: Value): Value {
  switch (view.op) {
    case 'reshape':
    case 'flatten':
    case 'squeeze':
    case 'unsqueeze': {
      const type = { dtype: value.type.dtype, shape: base.type.shape };
      const [shape] = builder.add('shape', [base], {}).outputs;
      return builder.addTyped('reshape', [value, shape!], [type], {}).outputs[0]!;
    }
    case 'permute': {
      const { dims } = view.attributes;
      const inverse = dims.map((_, i) => dims.findIndex((dim) => (dim + dims.length) % dims.length === i));
      return builder.add('permute', [value], { dims: inverse }).outputs[0]!;
    }
    case 'getitem': {
      const operands = view.operands.map((operand) => operand.value());
      return builder.add('setitem', [base, ...operands, value], view.attributes).outputs[0]!;
    }
    case 'expand':
      throw new TraceError(
        'The result of expand shares one element among several places and cannot be assigned to. Assign to a clone() of it.',
        builder.site,
      );
  }
}

const handler: ProxyHandler<TensorProxy> = {
  get(target, key, receiver) {
    if (typeof key === 'string' && isSliceString(key)) return TensorProxy.indexing.getitem(receiver, key);
    if (typeof key === 'string' && !(key in target)) return missingMember(target, key);
    return Reflect.get(target, key, receiver);
  },
  deleteProperty(_, key) {
    throw new TraceError(
      `'${String(key)}' of a traced tensor cannot be deleted. To leave elements out take a slice, or cat() the rest.`,
      callerSite(),
    );
  },
  ownKeys() {
    throw new TraceError(
      'The keys of a traced tensor are asked for (Object.keys, {...tensor}, Object.assign), and it has none. Its elements are read by index, its rows with for…of.',
      callerSite(),
    );
  },
  set(target, key, value, receiver) {
    if (typeof key === 'string' && isSliceString(key)) {
      TensorProxy.indexing.setitem(receiver, key, value);
      return true;
    }
    if (key in target) return Reflect.set(target, key, value, target);
    throw new TraceError(
      `A traced tensor has no property '${String(key)}' that could be set. To change elements write h[':, -1'] = value.`,
      callerSite(),
    );
  },
};
