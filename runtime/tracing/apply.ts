import { TraceError } from '../errors.ts';
import { isElementwise } from '../graph/operations/index.ts';
import { isAdvanced } from '../graph/operations/items.ts';
import type { AttributesOf, PlainOp, TensorOp } from '../graph/ops.ts';
import type { DType, Site, TensorType, Value } from '../graph/types.ts';
import { MOST_DIMS } from '../tensor/nested.ts';
import { Parameter } from '../tensor/parameter.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { type Builder, builder } from './builder.ts';
import { inner } from './hidden.ts';
import { copiesOnReshape, type Layout, layoutOf, layoutOfResult } from './layout.ts';
import { modulePath } from './model.ts';
import { owning, TensorProxy, viewing } from './proxy.ts';
import { mayBe } from './shared-perhaps.ts';
import type { TracedTensor, View, ViewOp } from './traced-tensor.ts';
import { settled, sureOf, varyingOf } from './varying.ts';
import { unwatched } from './watched-tensors.ts';

export type NestedArray = readonly (number | boolean | bigint | TensorProxy | NestedArray)[];
export type TypedArray = ArrayBufferView & ArrayLike<number | bigint>;
/** An operand beside a proxy: data of this run, or another proxy. */
export type Operand = TensorProxy | Tensor | number | boolean | bigint | NestedArray | TypedArray;

const VIEWS: ReadonlySet<TensorOp> = new Set<ViewOp>([
  'reshape',
  'flatten',
  'squeeze',
  'unsqueeze',
  'permute',
  'expand',
  'getitem',
  'detach',
]);

function isView<O extends TensorOp>(op: O, attributes: AttributesOf<O>): op is O & ViewOp {
  if (op !== 'getitem') return VIEWS.has(op);
  const { items } = attributes as AttributesOf<'getitem'>;
  return !items.some(isAdvanced);
}

/** Adds an operation to the block's graph and returns its first output. Errors point at the user's line. */
export function apply(op: PlainOp, inputs: readonly TensorProxy[]): TensorProxy;
export function apply<O extends TensorOp>(
  op: O,
  inputs: readonly TensorProxy[],
  attributes: AttributesOf<O>,
): TensorProxy;
export function apply<O extends TensorOp>(
  op: O,
  inputs: readonly TensorProxy[],
  attributes = {} as AttributesOf<O>,
): TensorProxy {
  const target = builder();
  if (!isView(op, attributes)) return applyMany(op, inputs, attributes)[0]!;
  const [parent, ...operands] = inputs;
  // Where the view looks is settled now, whatever becomes of the tensors that tell it.
  const places = operands.map((operand) => copy(operand)[inner]);
  const view = { parent: parent![inner], op, operands: places, attributes } as View;
  const proxy = viewing(target, view);
  const value = proxy[inner].value();
  return op === 'reshape' || op === 'flatten' ? reshaped(target, parent![inner], proxy, value) : proxy;
}

/** The same for an operation with several outputs. */
export function applyMany<O extends TensorOp>(
  op: O,
  inputs: readonly TensorProxy[],
  attributes: AttributesOf<O>,
): TensorProxy[] {
  const target = builder();
  const node = target.add(
    op,
    inputs.map((input) => valueIn(target, input)),
    attributes,
  );
  const layout = isElementwise(op) ? layoutOfResult(inputs.map((input) => input[inner])) : 'contiguous';
  return node.outputs.map((output) => wrap(target, output, layout));
}

/** A tensor with other sizes is a view where its elements lie so that it can be one, as in PyTorch; else it is a copy. */
function reshaped(target: Builder, parent: TracedTensor, view: TensorProxy, value: Value): TensorProxy {
  const isCopy = copiesOnReshape(parent, value.type.shape);
  if (isCopy === false) return view;
  const made = wrap(target, value);
  if (isCopy === null) mayBe(made[inner].storage!, [parent.root]);
  return made;
}

/** A tensor whose elements lie in the order of its dimensions: itself, or a copy. */
export function inOrder(x: TensorProxy): TensorProxy {
  const layout = layoutOf(x[inner]);
  if (layout === 'contiguous') return x;
  const made = copy(x);
  if (layout === null) mayBe(made[inner].storage!, [x[inner].root]);
  return made;
}

/** A proxy for a value that nothing else shares. */
export function wrap(target: Builder, value: Value, layout: Layout = 'contiguous'): TensorProxy {
  const storage = target.storage(value);
  storage.layout = layout;
  return owning(target, storage);
}

/** A tensor of its own with the elements that `x` has now: no node is needed, since the graph's values never change. */
export function copy(x: TensorProxy): TensorProxy {
  const target = builder();
  return wrap(target, valueIn(target, x));
}

function valueIn(target: Builder, input: TensorProxy): Value {
  if (input[inner].builder !== target) {
    throw new TraceError(
      'A value of another trace, or of another model, is used here. Return it from there with save(), and use the tensor you get.',
      target.site,
    );
  }
  return input[inner].value();
}

/** The largest operand whose elements help to check the block while it is built. */
const KNOWN_ELEMENTS = 1024;

/**
 * A proxy for an operand of the user. Data becomes an operand of the graph: an input, not a constant.
 * Without `dtype`, integers are int64, other numbers float32, booleans bool; tensors and typed arrays keep theirs.
 */
export function toProxy(given: unknown, dtype?: DType): TensorProxy {
  const x = settled(given);
  const varying = varyingOf(x);
  if (varying) return toProxy(sureOf(varying), dtype);
  if (x instanceof TensorProxy) return x;
  if (Array.isArray(x) && containsTraced(x)) return stackArray(x, dtype);
  if (x instanceof Parameter && dtype && x.dtype !== dtype) return apply('cast', [toProxy(x)], { dtype });
  const target = builder();
  const tensor = toData(x, dtype, () => target.site);
  const known = target.tensors.get(tensor);
  if (known) return outside(wrap(target, known));
  // Elements that the user may have changed by the next time.
  if (tensor !== x && holdsElements(x)) target.isRepeatable = false;
  const value = unwatched(() => target.operand(operandType(tensor), { dims: tensor.dims, data: tensor.raw }));
  // A tensor of the user is one value wherever it is used: there is one gradient by it.
  if (tensor === x) target.tensors.set(tensor, value);
  return tensor === x ? outside(wrap(target, value)) : wrap(target, value);
}

/** A tensor of the user is not changed by a block, and what is a view of it in PyTorch would change it. */
function outside(proxy: TensorProxy): TensorProxy {
  proxy[inner].storage!.unchangeable =
    'A tensor from outside of the block is changed in place, and would stay as it is. Change a copy: clone(tensor).';
  return proxy;
}

/**
 * Data of the user as a tensor; a tensor is itself.
 * @throws TraceError where it cannot be one
 */
export function toData(given: unknown, dtype: DType | undefined, site: () => Site | null): AnyTensor {
  const x = settled(given);
  if (x instanceof TensorProxy) x[inner].value();
  checkNoModule(x, site);
  try {
    if (x instanceof Tensor) return dtype && x.dtype !== dtype ? Tensor.from(x, dtype) : x;
    return Tensor.from(x as number, dtype);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new TraceError(`${describe(x)} cannot be used as a tensor: ${message}`, site(), { cause: error });
  }
}

/** @throws TraceError for a module where a number or a tensor stands */
export function checkNoModule(x: unknown, site: () => Site | null): void {
  const path = modulePath(x);
  if (path === null) return;
  const of = path === '' ? 'model' : path;
  throw new TraceError(`${of} is a module, not a tensor. Its tensors are ${of}.output and ${of}.input.`, site());
}

/** The type of data; of few whole numbers the elements themselves, which help to check how they are used. */
export function operandType(tensor: AnyTensor): TensorType {
  const { dtype, dims, raw } = tensor;
  const isIndex = dtype === 'int64' || dtype === 'int32';
  const constant =
    isIndex && raw.length <= KNOWN_ELEMENTS ? Array.from(tensor.data as ArrayLike<number>, Number) : null;
  return { dtype, shape: dims, ...(constant && { constant }) };
}

/** A shape given by numbers and traced scalars: int64 of one dimension. */
export function shapeOperand(dims: readonly (number | TensorProxy)[]): TensorProxy {
  return dims.every((dim) => typeof dim === 'number')
    ? toProxy(Tensor.from(dims as number[], 'int64', [dims.length]))
    : stackArray(dims, 'int64');
}

/** Whether a value is more than numbers that the code itself says. */
function holdsElements(x: unknown): boolean {
  return Array.isArray(x) ? x.some(holdsElements) : Object(x) === x;
}

/** Whether an array has elements that are recorded: values of the block, and parameters, to which gradients go back. */
function containsTraced(items: readonly unknown[], depth = 1): boolean {
  // What is nested more deeply is refused when a tensor is made from it.
  if (depth > MOST_DIMS) return false;
  return items.some((item) =>
    Array.isArray(item) ? containsTraced(item, depth + 1) : item instanceof TensorProxy || item instanceof Parameter,
  );
}

function stackArray(items: readonly unknown[], dtype?: DType): TensorProxy {
  const rows = items.map((item) => {
    const row = toProxy(item, dtype);
    return apply('unsqueeze', [dtype && row.dtype !== dtype ? apply('cast', [row], { dtype }) : row], { dims: [0] });
  });
  return apply('cat', rows, { dim: 0 });
}

function describe(x: unknown): string {
  if (x === undefined) return 'undefined';
  if (x === null) return 'null';
  if (typeof x === 'function') return `a function${x.name ? ` (${x.name})` : ''}`;
  if (Array.isArray(x)) return 'an array';
  return typeof x === 'string' ? JSON.stringify(x) : `a value of type ${typeof x}`;
}
