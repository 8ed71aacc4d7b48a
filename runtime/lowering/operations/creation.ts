import type { Lower, Lowerings } from '../emitter.ts';
import { select } from './kernels.ts';
import { int, range, sizesAlong, toScalar, unsqueeze } from './sizes.ts';

/** 0 where column minus row compares to `diagonal`; the other elements stay. */
function triangle(comparison: string): Lower<'triu' | 'tril'> {
  return (emitter, [x], attributes) => {
    const { name, type } = x!;
    const [rows, columns] = [-2, -1].map((dim) => range(emitter, toScalar(emitter, sizesAlong(emitter, name, [dim]))));
    const diagonal = emitter.node('Add', [unsqueeze(emitter, rows!, [1]), int(emitter, attributes.diagonal)]);
    const dropped = emitter.node(comparison, [columns!, diagonal]);
    return [select(emitter, dropped, emitter.constant(type.dtype, [0]), name, type.dtype)];
  };
}

const full: Lower<'full'> = (emitter, [sizes, value]) => [emitter.node('Expand', [value!.name, sizes!.name])];

export const creation: Lowerings<'triu' | 'tril' | 'full'> = {
  triu: triangle('Less'),
  tril: triangle('Greater'),
  full,
};
