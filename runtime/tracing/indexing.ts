import { TraceError } from '../errors.ts';
import { type Item, writeItems } from '../graph/operations/items.ts';
import type { ItemForm } from '../graph/ops.ts';
import { parseSlices } from '../tensor/slices.ts';
import { apply, toProxy } from './apply.ts';
import { callerSite } from './caller.ts';
import { assignInPlace, TensorProxy } from './proxy.ts';

/** An index as the graph takes it: the kinds of its items, and the numbers and tensors in them as operands. */
interface Index {
  readonly items: readonly ItemForm[];
  readonly operands: readonly TensorProxy[];
}

function parseIndex(key: unknown, self: TensorProxy): Index {
  if (typeof key === 'string') return parseText(key, self);
  if (typeof key === 'number' && !Number.isInteger(key)) {
    throw new TraceError(`A tensor is indexed with ${key}: indices are integers.`, self.builder.site);
  }
  if (key === null) return { items: [{ kind: 'newaxis' }], operands: [] };
  const operand = toProxy(key);
  if (operand.dtype === 'bool') return { items: [{ kind: 'mask' }], operands: [operand] };
  if (operand.dtype.startsWith('float')) {
    throw new TraceError(
      `A tensor is indexed with a ${operand.dtype} tensor: indices are integers or booleans.`,
      self.builder.site,
    );
  }
  return { items: [{ kind: operand.type.shape?.length === 0 ? 'int' : 'index' }], operands: [operand] };
}

function parseText(text: string, self: TensorProxy): Index {
  const bound = (value: number | null) => (value === null ? null : toProxy(value));
  try {
    const items = parseSlices(text).map((item): Item<TensorProxy> => {
      if (item.kind === 'int') return { kind: 'int', index: toProxy(item.value) };
      if (item.kind !== 'slice') return item;
      return { kind: 'slice', start: bound(item.start), stop: bound(item.stop), step: bound(item.step), size: null };
    });
    return writeItems(items);
  } catch (error) {
    throw new TraceError(error instanceof Error ? error.message : String(error), self.builder.site, { cause: error });
  }
}

/** `self[key]` */
export function getitem(self: TensorProxy, key: unknown): TensorProxy {
  const { items, operands } = parseIndex(key, self);
  return apply('getitem', [self, ...operands], { items });
}

/** `self[key] = value`, in place. */
export function setitem(self: TensorProxy, key: unknown, value: unknown): void {
  const { items, operands } = parseIndex(key, self);
  const typed = toProxy(value, typeof value === 'number' ? self.dtype : undefined);
  const inputs = [self, ...operands, typed].map((proxy) => proxy.value());
  assignInPlace(self, self.builder.add('setitem', inputs, { items }).outputs[0]!);
}

/** The rows of a tensor whose first dimension is known, for JavaScript's own destructuring and spreading. */
function* iterate(self: TensorProxy): Generator<TensorProxy> {
  const { shape } = self.type;
  const count = shape?.[0];
  if (typeof count !== 'number') {
    throw new TraceError(
      shape?.length === 0
        ? 'A tensor without dimensions has no rows to spread or destructure. Use its value itself.'
        : 'The rows of this tensor cannot be spread or destructured: how many there are is known only when the model runs. Iterate with for…of in a trace block, or take rows by index.',
      callerSite() ?? self.builder.site,
    );
  }
  for (let row = 0; row < count; row++) yield getitem(self, row);
}

TensorProxy.indexing = { getitem, setitem, iterate };
