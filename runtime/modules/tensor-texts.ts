import { dtypeName } from '../onnx/dtypes.ts';
import type { GraphProto, TensorShapeProto } from '../onnx/proto.ts';

/** What the file itself tells of its tensors, by name, as text: `float32 [batch, sequence, 128]`. */
export function tensorTexts({ input, output, valueInfo, initializer }: GraphProto): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { name, type } of [...valueInfo, ...input, ...output]) {
    if (type?.value.case !== 'tensorType') continue;
    const { elemType, shape } = type.value.value;
    const dtype = dtypeName(elemType);
    if (dtype !== null && shape !== undefined) texts.set(name, `${dtype} [${shape.dim.map(dim).join(', ')}]`);
  }
  for (const { name, dataType, dims } of initializer) {
    const dtype = dtypeName(dataType);
    if (dtype !== null) texts.set(name, `${dtype} [${dims.join(', ')}]`);
  }
  return texts;
}

function dim({ value }: TensorShapeProto['dim'][number]): string {
  return value.case === undefined ? '?' : String(value.value) || '?';
}
