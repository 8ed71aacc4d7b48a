import type { Site } from '../graph/types.ts';
import { type Envoy, Tensor, TraceError } from '../index.ts';

/** A slice with a comma, as tensors take it. */
export type Slice = `${string},${string}`;

/** Where one head is in the input of a projection. */
interface Head {
  readonly at: Slice;
  /** 1 at the features of the head, 0 elsewhere. */
  readonly mask: Tensor;
}

/**
 * The heads in the input of a projection: side by side in its last dimension, or apart, [batch, position, head, features],
 * where an exporter made one reshaping of the model's two.
 * @param site where the user said how many they are: the line of the error
 */
export function headsOf(projection: Envoy, count: number, site: Site | null): readonly Head[] {
  const shape: readonly unknown[] = projection.input.shape;
  const apart = shape.length === 4;
  const places = shape.at(apart ? -2 : -1);
  if (typeof places !== 'number' || (apart ? places !== count : places % count !== 0)) {
    const found = `${String(places)} ${apart ? 'heads' : 'features'}`;
    throw new TraceError(`${projection.path} has ${found}, which are not those of ${count} heads.`, site);
  }
  const size = places / count;
  return Array.from({ length: count }, (_, head) => {
    const mask = Array.from({ length: places }, (_, i) => (Math.floor(i / size) === head ? 1 : 0));
    return apart
      ? { at: `:, :, ${head}`, mask: Tensor.from(mask, 'float32', [places, 1]) }
      : { at: `..., ${head * size}:${(head + 1) * size}`, mask: Tensor.from(mask, 'float32') };
  });
}
