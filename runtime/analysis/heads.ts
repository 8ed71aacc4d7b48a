import { type Envoy, Tensor } from '../index.ts';

/** The features of one head, of a projection whose input holds the heads side by side. */
export function headSize(projection: Envoy, heads: number): number {
  const features: unknown = projection.input.shape.at(-1);
  if (!Number.isInteger(heads) || heads < 1 || typeof features !== 'number' || features % heads !== 0) {
    throw new Error(`${projection.path} has ${String(features)} features, which are not those of ${heads} heads.`);
  }
  return features / heads;
}

/** 1 at the features of a head, 0 elsewhere. */
export function headMask(head: number, heads: number, size: number): Tensor {
  return Tensor.from(
    Array.from({ length: heads * size }, (_, i) => (Math.floor(i / size) === head ? 1 : 0)),
    'float32',
  );
}
