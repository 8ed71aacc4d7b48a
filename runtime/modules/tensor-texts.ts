import { dtypeName } from '../onnx/dtypes.ts';
import type { GraphProto, TensorProto, TensorShapeProto } from '../onnx/proto.ts';

/** What the file itself tells of its tensors, by name, as text: `float32 [batch, sequence, 128]`. */
export function tensorTexts({ input, output, valueInfo, initializer }: GraphProto): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { name, type } of [...valueInfo, ...input, ...output]) {
    if (type?.value.case !== 'tensorType') continue;
    const { elemType, shape } = type.value.value;
    const dtype = dtypeName(elemType);
    if (dtype !== null && shape !== undefined) texts.set(name, `${dtype} [${shape.dim.map(dim).join(', ')}]`);
  }
  for (const tensor of initializer) {
    const text = tensorText(tensor);
    if (text !== null) texts.set(tensor.name, text);
  }
  return texts;
}

/** The dtype and the dims of a tensor with data; null for a dtype that there is not here. */
export function tensorText({ dataType, dims }: Pick<TensorProto, 'dataType' | 'dims'>): string | null {
  const dtype = dtypeName(dataType);
  return dtype === null ? null : `${dtype} [${dims.join(', ')}]`;
}

function dim({ value }: TensorShapeProto['dim'][number]): string {
  return value.case === undefined ? '?' : String(value.value) || '?';
}
