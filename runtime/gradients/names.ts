import type { DType } from '../graph/types.ts';
import { makeTensor } from '../onnx/make.ts';
import type { TensorProto } from '../onnx/proto.ts';

/** The next derivative after those that tensors of a graph belong to by their names. */
export function nextOrder(tensors: Iterable<string>): number {
  let last = 0;
  for (const name of tensors) last = Math.max(last, Number(/^onnsight\/d(\d+)\//.exec(name)?.[1] ?? 0));
  return last + 1;
}

/** How the nodes of a derivative are named, and the constants that they share. */
export class Names {
  readonly constants: TensorProto[] = [];
  private readonly byContent = new Map<string, string>();
  /** Which derivative this is: that of a model without any is the first. */
  readonly order: number;
  private count = 0;

  constructor(order: number) {
    this.order = order;
  }

  fresh(stem: string): string {
    return `onnsight/d${this.order}/${stem}_${this.count++}`;
  }

  constant(dtype: DType, data: readonly number[], dims: readonly number[]): string {
    const key = `${dtype}[${dims}]${data.map((one) => (Object.is(one, -0) ? '-0' : one))}`;
    let name = this.byContent.get(key);
    if (name === undefined) {
      name = this.fresh('constant');
      this.byContent.set(key, name);
      this.constants.push(makeTensor(name, dtype, data, dims));
    }
    return name;
  }
}
