import { OperationError } from './operation.ts';
import type { Dim, Shape } from './types.ts';

/** The shape of two tensors broadcast together; unknown sizes stay null. Throws an OperationError if they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  if (a === null || b === null) return null;
  const rank = Math.max(a.length, b.length);
  const dims: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const left = dimAt(a, i - rank);
    const right = dimAt(b, i - rank);
    const dim = broadcastDims(left, right);
    if (dim === undefined) {
      throw new OperationError(
        `The size of tensor a (${left}) must match the size of tensor b (${right}) at non-singleton dimension ${i}: their dims are [${a.map(shown).join(', ')}] and [${b.map(shown).join(', ')}]`,
      );
    }
    dims.push(dim);
  }
  return dims;
}

/** The size that two dimensions broadcast to; null if only the run will tell, undefined if they do not fit. */
export function broadcastDims(a: Dim, b: Dim): Dim | undefined {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (a === null) return b;
  if (b === null) return a;
  return undefined;
}

function shown(dim: Dim): string {
  return dim === null ? '?' : String(dim);
}

function dimAt(shape: readonly Dim[], fromEnd: number): Dim {
  const i = shape.length + fromEnd;
  return i < 0 ? 1 : shape[i]!;
}
