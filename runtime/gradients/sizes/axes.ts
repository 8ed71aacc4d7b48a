import { intsAttribute } from '../../onnx/attributes.ts';
import type { NodeProto } from '../../onnx/proto.ts';
import type { Dims, Facts } from '../facts.ts';

/** The sizes that tensors of these sizes have together, as NumPy broadcasts them. */
export function broadcast(all: readonly Dims[], facts: Facts): Dims {
  if (all.some((dims) => dims === null)) return null;
  const rank = Math.max(0, ...all.map((dims) => dims!.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = new Set(all.map((dims) => dims![i - rank + dims!.length] ?? 1));
    sizes.delete(1);
    if (sizes.size === 0) return 1;
    const numbers = [...sizes].filter((size) => typeof size === 'number');
    // A number above 1 is the result, even if the others are not known.
    if (numbers.length > 0) return numbers[0]!;
    return sizes.size === 1 ? [...sizes][0]! : facts.symbol();
  });
}

/** Axes as numbers from 0 on. */
export function positive(axes: readonly number[], rank: number): readonly number[] {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis));
}

/** The axes of a reduction, a Squeeze or an Unsqueeze: an attribute in older operator sets, an input since. */
export function axesOf(node: NodeProto, facts: Facts): readonly number[] | null {
  return intsAttribute(node, 'axes') ?? (node.input[1] ? facts.numbers(node.input[1]) : null);
}
