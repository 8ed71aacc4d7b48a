import { apply, toProxy } from './apply.ts';
import type { TensorProxy } from './proxy.ts';

/** A tensor that is there if one of `tests` (bools without dimensions) holds; else the run fails, and tells by `index` why. */
export function present(tests: readonly TensorProxy[], value: TensorProxy, index: number): TensorProxy {
  const at = tests.reduce(
    (otherwise, test) => apply('where', [test, toProxy(0), otherwise], { signed: false }),
    toProxy(index),
  );
  return apply('getitem', [apply('unsqueeze', [value], { dims: [0] }), at], { items: [{ kind: 'int' }] });
}
