import { Tensor } from './tensor.ts';

/**
 * The tensors of a list that were laid out as three: the elements of all entries one after another, all their
 * dimensions one after another (int64), and each entry's number of dimensions (int64).
 */
export function splitEntries(data: Tensor, shapes: Tensor, ranks: Tensor): Tensor[] {
  const sizes = Array.from(shapes.data as ArrayLike<number>, Number);
  let dim = 0;
  let element = 0;
  return Array.from(ranks.data as ArrayLike<number>, Number).map((rank) => {
    const dims = sizes.slice(dim, dim + rank);
    dim += rank;
    const size = dims.reduce((a, b) => a * b, 1);
    const raw = data.raw.slice(element, element + size);
    element += size;
    return new Tensor(data.dtype as 'float32', dims, raw);
  });
}

/** A save in a branch is one tensor or nothing; one in a loop is a tensor with an entry per iteration, if their shapes agree. */
export function foldEntries(entries: readonly Tensor[], loop: boolean): Tensor | readonly Tensor[] | undefined {
  const [first] = entries;
  if (!loop || !first) return first;
  if (entries.some(({ dims }) => dims.join() !== first.dims.join())) return entries;
  return Tensor.from(
    entries.map((entry) => entry.toArray() as number[]),
    first.dtype as 'float32',
    [entries.length, ...first.dims],
  );
}
