import { TensorProto_DataType as T } from 'onnx-buf';
import { decodeModel, encodeModel } from '../../../runtime/onnx/proto.ts';
import type { Random } from './random.ts';

const OPERATORS = ['Add', 'Relu', 'Reshape', 'MatMul', 'Loop', 'If', 'Cast', 'Gather', 'Split', 'Expand', 'Nope', ''];
const TYPES = [T.UNDEFINED, T.FLOAT, T.INT64, T.BOOL, T.STRING, T.BFLOAT16, T.FLOAT8E4M3FN, T.INT4, T.COMPLEX64, 99];
const SIZES = [0n, 1n, -1n, 2n ** 31n, 2n ** 62n];

/** A model with one to three changes of its structure: nodes, names, attributes, types and dims. */
export function damageModel(bytes: Uint8Array, random: Random): Uint8Array {
  const proto = decodeModel(bytes);
  const graph = proto.graph!;
  const names = [...graph.node.flatMap(({ input, output }) => [...input, ...output]), 'nowhere', ''];
  for (let i = 0; i <= random.below(3); i++) {
    const { node, initializer } = graph;
    if (node.length === 0) break;
    const one = random.of(node);
    switch (random.below(11)) {
      case 0:
        node.splice(random.below(node.length), 1);
        break;
      case 1:
        one.opType = random.of(OPERATORS);
        break;
      case 2:
        one.input[random.below(one.input.length + 1)] = random.of(names);
        break;
      case 3:
        one.output[random.below(one.output.length + 1)] = random.of(names);
        break;
      case 4:
        node.push({ ...one });
        break;
      case 5:
        node.reverse();
        break;
      case 6: {
        if (one.attribute.length === 0) break;
        const attribute = random.of(one.attribute);
        attribute.i = random.of(SIZES);
        attribute.ints = [random.of(SIZES)];
        break;
      }
      case 7:
        if (initializer.length > 0) random.of(initializer).dataType = random.of(TYPES);
        break;
      case 8:
        if (initializer.length > 0) random.of(initializer).dims = [random.of(SIZES), random.of(SIZES)];
        break;
      case 9: {
        const { type } = random.of([...graph.input, ...graph.output]);
        if (type?.value.case === 'tensorType') type.value.value.elemType = random.of(TYPES);
        break;
      }
      default: {
        const { type } = random.of([...graph.input, ...graph.output]);
        const dims = type?.value.case === 'tensorType' ? (type.value.value.shape?.dim ?? []) : [];
        if (dims.length > 0) random.of(dims).value = { case: 'dimValue', value: random.of(SIZES) };
      }
    }
  }
  return encodeModel(proto);
}
