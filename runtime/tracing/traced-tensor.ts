import { TraceError } from '../errors.ts';
import type { AttributesOf } from '../graph/ops.ts';
import type { TensorType, Value } from '../graph/types.ts';
import type { Builder } from './builder.ts';
import { callerSite } from './caller.ts';
import { changedInPlace, checkSure, handOnDoubt } from './shared-perhaps.ts';
import type { Storage } from './storage.ts';

/** The operations whose result shares memory with their first input, as in PyTorch; of getitem without index tensors. */
export type ViewOp = 'reshape' | 'flatten' | 'squeeze' | 'unsqueeze' | 'permute' | 'expand' | 'getitem' | 'detach';

/** How a view looks at the tensor it was made from. */
export type View = { [O in ViewOp]: ViewOf<O> }[ViewOp];

export interface ViewOf<O extends ViewOp> {
  readonly parent: TracedTensor;
  readonly op: O;
  readonly operands: readonly TracedTensor[];
  readonly attributes: AttributesOf<O>;
}

/** A plain value that a tensor is known to be where a truth value is known. */
export interface PlainCase {
  readonly test: Value;
  readonly is: boolean;
  readonly value: unknown;
}

/**
 * A tensor that exists when the model runs. Either it owns a storage, or it is a view of another one; its value is
 * computed from what the storage holds at the moment it is used.
 */
export class TracedTensor {
  readonly builder: Builder;
  readonly storage: Storage | null;
  readonly viewOf: View | null;
  /** For a plain number that traced conditions have merged with others: its value where a condition is known. */
  plain: readonly PlainCase[] | null = null;
  /** Where it shows the rows of one invoke: the tensor of the whole batch. */
  rowsOf: TracedTensor | null = null;
  /** Of a weight that the file has transposed, or with a number added: the tensor in the file, and what was made of it. */
  fileForm: { readonly inFile: TracedTensor; readonly value: Value; readonly isTurned: boolean } | null = null;
  /** Whether it is a number on one side of a condition and a truth value on the other: 1 and true are one tensor. */
  isMixed = false;
  private seen: { parent: Value; value: Value } | null = null;

  constructor(builder: Builder, storage: Storage | null, view: View | null) {
    this.builder = builder;
    this.storage = storage;
    this.viewOf = view;
  }

  /**
   * The graph's value that the tensor is now.
   * @param isSure whether the caller is sure that the body that made it has run where the value is used
   * @param isHeld whether nobody uses it now: then it may be that it was changed
   */
  value(isSure = false, isHeld = false): Value {
    const error = this.ended();
    if (error) throw error;
    if (this.storage) {
      if (!isHeld) checkSure(this.storage.get(), this.builder.site);
      const value = this.builder.scope.reach(this.storage.get(), isSure);
      if (!value) {
        throw new TraceError(
          'A value made in the body of a condition or loop is used outside of it. Assign it to a variable declared before, or push it to an array.',
          this.builder.site,
        );
      }
      return value;
    }
    const { parent, op, operands, attributes } = this.viewOf!;
    const base = parent.value(isSure, isHeld);
    if (this.seen?.parent === base && this.builder.scope.visible(this.seen.value)) return this.seen.value;
    const node = this.builder.add(op, [base, ...operands.map((operand) => operand.value(isSure))], attributes);
    this.seen = { parent: base, value: node.outputs[0]! };
    handOnDoubt([base], this.seen.value);
    return this.seen.value;
  }

  /** The error of a use after the trace. */
  ended(): TraceError | null {
    if (this.builder.open) return null;
    return new TraceError(
      'A value of a trace is used after the trace has ended. Return it from the block with save(), and use the tensor you get.',
      callerSite(),
    );
  }

  get type(): TensorType {
    return this.value().type;
  }

  /** Whether the code that runs now can use it. */
  isReachable(): boolean {
    return this.storage ? this.builder.scope.reach(this.storage.get()) !== null : this.viewOf!.parent.isReachable();
  }

  /** The memory that it shows. */
  get root(): Storage {
    return this.storage ?? this.viewOf!.parent.root;
  }

  /** Replaces the tensor's elements in place: its views and the tensor it is a view of see the new ones. */
  assign(value: Value): void {
    if (this.storage) {
      if (this.storage.unchangeable) throw new TraceError(this.storage.unchangeable, this.builder.site);
      this.checkUnassigned(this.storage);
      this.builder.note(this.storage);
      this.storage.content = value;
      changedInPlace(this.builder, this.storage);
      return;
    }
    const view = this.viewOf!;
    view.parent.assign(undoView(this.builder, view, view.parent.value(), value));
  }

  /** Throws a TraceError if it was assigned to a tensor of the model that runs: whether this sees the change depends on what runs first. */
  private checkUnassigned(storage: Storage): void {
    const { assigned, forward, rows, scope, site } = this.builder;
    const found = assigned.find(storage, forward, rows, scope.regions);
    if (!found) return;
    throw new TraceError(
      `A tensor that was assigned to ${found.name} is changed in place after that, and ${found.name} would not see it. Change it before, change ${found.name} instead, or assign a clone() of it.`,
      site,
    );
  }
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
    case 'detach':
      throw new TraceError(
        'A tensor that detach() gave is changed in place: it shares its elements with the one that it was detached from, whose gradient would not know of the change. Change a clone() of it, or that tensor.',
        builder.site,
      );
    case 'expand':
      throw new TraceError(
        'The result of expand shares one element among several places and cannot be assigned to. Assign to a clone() of it.',
        builder.site,
      );
  }
}
