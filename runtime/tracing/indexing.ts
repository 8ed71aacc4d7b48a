import { TraceError } from '../errors.ts';
import { type Item, isAdvanced, writeItems } from '../graph/operations/items.ts';
import { parseSlices } from '../tensor/slices.ts';
import { isFloatDType } from '../tensor/storage.ts';
import { apply, toProxy } from './apply.ts';
import { callerSite } from './caller.ts';
import { inner } from './hidden.ts';
import { TensorProxy } from './proxy.ts';

type IndexItem = Item<TensorProxy>;

/** The items of a key: a tuple of Python's is a text, or an array with a text among its entries. */
function parseIndex(key: unknown, self: TensorProxy): readonly IndexItem[] {
  if (typeof key === 'string') return parseText(key, self);
  if (Array.isArray(key) && key.some((entry) => typeof entry === 'string')) {
    return key.flatMap((entry) => parseIndex(entry, self));
  }
  if (typeof key === 'number' && !Number.isInteger(key)) {
    throw new TraceError(`A tensor is indexed with ${key}: indices are integers.`, self[inner].builder.site);
  }
  if (key === null) return [{ kind: 'newaxis' }];
  return [selecting(toProxy(key, isEmpty(key) ? 'int64' : undefined), self)];
}

/** Whether an array holds no element at all, which would have a type. */
function isEmpty(key: unknown): boolean {
  return Array.isArray(key) && key.every(isEmpty);
}

function selecting(index: TensorProxy, self: TensorProxy): IndexItem {
  const { dtype, shape } = index[inner].type;
  if (dtype === 'bool') return { kind: 'mask', mask: index };
  if (dtype.startsWith('float')) {
    throw new TraceError(
      `A tensor is indexed with a ${dtype} tensor: indices are integers or booleans.`,
      self[inner].builder.site,
    );
  }
  return { kind: shape?.length === 0 ? 'int' : 'index', index };
}

function parseText(text: string, self: TensorProxy): readonly IndexItem[] {
  const bound = (value: number | null) => (value === null ? null : toProxy(value));
  try {
    return parseSlices(text).map((item): IndexItem => {
      if (item.kind === 'int') return { kind: 'int', index: toProxy(item.value) };
      if (item.kind === 'list')
        return selecting(toProxy(item.entries, isEmpty(item.entries) ? 'int64' : undefined), self);
      if (item.kind !== 'slice') return item;
      return { kind: 'slice', start: bound(item.start), stop: bound(item.stop), step: bound(item.step), size: null };
    });
  } catch (error) {
    if (error instanceof TraceError) throw error;
    throw new TraceError(error instanceof Error ? error.message : String(error), self[inner].builder.site, {
      cause: error,
    });
  }
}

const WHOLE: IndexItem = { kind: 'slice', start: null, stop: null, step: null, size: null };

/** How many dimensions an item takes. */
function taken(item: IndexItem, self: TensorProxy): number {
  if (item.kind !== 'mask') return 1;
  const { shape } = item.mask[inner].type;
  if (shape) return shape.length;
  throw new TraceError(
    'A mask stands beside an integer here, and how many dimensions it has is known only when the model runs. Index twice.',
    self[inner].builder.site,
  );
}

/**
 * Beside lists and masks, PyTorch takes what integers select first: `x[0, :, [1, 2]]` is `x[0][:, [1, 2]]`. (To numpy
 * an integer is a list of one.) Gives the tensor that is left, and the items for it.
 */
function withoutIntegers(self: TensorProxy, items: readonly IndexItem[]): readonly [TensorProxy, readonly IndexItem[]] {
  if (!items.some(isAdvanced) || !items.some(({ kind }) => kind === 'int')) return [self, items];
  const first = items
    .filter(({ kind }) => kind !== 'newaxis')
    .flatMap((item) => (isAdvanced(item) || item.kind === 'slice' ? Array(taken(item, self)).fill(WHOLE) : [item]));
  return [selected(self, first), items.filter(({ kind }) => kind !== 'int')];
}

function selected(self: TensorProxy, index: readonly IndexItem[]): TensorProxy {
  const { items, operands } = writeItems(index);
  return apply('getitem', [self, ...operands], { items });
}

/** `self[key]` */
export function getitem(self: TensorProxy, key: unknown): TensorProxy {
  return selected(...withoutIntegers(self, parseIndex(key, self)));
}

/** `self[key] = value`, in place. */
export function setitem(self: TensorProxy, key: unknown, value: unknown): void {
  const [target, index] = withoutIntegers(self, parseIndex(key, self));
  const { items, operands } = writeItems(index);
  // Numbers have no dtype of their own: whole ones that do not fit are an error.
  const isWhole = Array.isArray(value) && !isFloatDType(target.dtype) && target.dtype !== 'bool';
  const typed = toProxy(value, typeof value === 'number' || isWhole ? target.dtype : undefined);
  const inputs = [target, ...operands, typed].map((proxy) => proxy[inner].value());
  target[inner].assign(target[inner].builder.add('setitem', inputs, { items }).outputs[0]!);
}

/** The rows of a tensor whose first dimension is known, for JavaScript's own destructuring and spreading. */
function* iterate(self: TensorProxy): Generator<TensorProxy> {
  const { shape } = self[inner].type;
  const count = shape?.[0];
  if (typeof count !== 'number') {
    throw new TraceError(
      shape?.length === 0
        ? 'A tensor without dimensions has no rows to spread or destructure. Use its value itself.'
        : 'The rows of this tensor cannot be spread or destructured: how many there are is known only when the model runs. Iterate with for…of in a trace block, or take rows by index.',
      callerSite() ?? self[inner].builder.site,
    );
  }
  for (let row = 0; row < count; row++) yield getitem(self, row);
}

TensorProxy.indexing = { getitem, setitem, iterate };
