import { type NodeProto, type TensorProto, TensorProto_DataType } from 'onnx-buf';
import type { DimFormula } from './formulas.ts';
import { graphLinks } from './links.ts';
import type { OnnxModel } from './read.ts';

/** Where a model cuts a size off: what it does with sizes beyond `bound` does not show in smaller ones. */
export interface Clip {
  /** The size that is cut off; null where it may be any. */
  readonly size: DimFormula | null;
  readonly bound: number;
}

/** Operators by which arithmetic on sizes changes at a bound. */
const PIECEWISE = new Set(['Min', 'Max', 'Clip', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual']);
/** Exporters write the largest number of 32 or of 64 bits for "to the end". */
const OPEN = 2 ** 31 - 1;

/** @param dims the dimensions of a tensor, where they are known */
export function clips(model: OnnxModel, dims: (tensor: string) => readonly (DimFormula | null)[] | null): Clip[] {
  const { structural, constant } = graphLinks(model.graph);
  const integers = constants(model.graph);
  const found: Clip[] = [];
  for (const { opType, input, output } of model.graph.node) {
    if (constant.has(output[0]!)) continue;
    if (opType === 'Slice') {
      const [data, starts, ends, axes] = input;
      const sizes = dims(data!);
      for (const bounds of [integers(starts!), integers(ends!)]) {
        bounds.forEach((bound, i) => {
          const axis = axes ? integers(axes)[i] : i;
          const size = axis === undefined ? null : (sizes?.at(axis) ?? null);
          if (size && size.terms.length > 0) found.push({ size, bound: Math.abs(bound) });
        });
      }
    } else if (PIECEWISE.has(opType) && structural.has(output[0]!)) {
      for (const bound of input.flatMap(integers)) found.push({ size: null, bound: Math.abs(bound) });
    }
  }
  return found.filter(({ bound }) => bound < OPEN);
}

/** Operators that hand integers on. */
const HANDS_ON = new Set(['Unsqueeze', 'Squeeze', 'Reshape', 'Identity', 'Cast']);

/** Reads the elements of constants that hold integers; of all else there are none. */
function constants(graph: OnnxModel['graph']): (tensor: string) => readonly number[] {
  const { maker } = graphLinks(graph);
  const initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const read = (name: string): readonly number[] => {
    const initializer = initializers.get(name);
    if (initializer) return elements(initializer);
    const node = graph.node[maker.get(name) ?? -1];
    if (node?.opType === 'Constant') return constantElements(node);
    return node && HANDS_ON.has(node.opType) ? read(node.input[0]!) : [];
  };
  return read;
}

function constantElements({ attribute }: NodeProto): readonly number[] {
  return attribute.flatMap(({ name, t, i, ints }) => {
    if (name === 'value' && t) return elements(t);
    if (name === 'value_int') return [Number(i)];
    return name === 'value_ints' ? ints.map(Number) : [];
  });
}

function elements({ dataType, int32Data, int64Data, rawData }: TensorProto): readonly number[] {
  const view = new DataView(rawData.buffer, rawData.byteOffset, rawData.byteLength);
  if (dataType === TensorProto_DataType.INT64) {
    if (int64Data.length > 0) return int64Data.map(Number);
    return Array.from({ length: view.byteLength / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
  }
  if (dataType !== TensorProto_DataType.INT32) return [];
  if (int32Data.length > 0) return int32Data;
  return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i, true));
}
