import { TensorProto_DataType as T } from 'onnx-buf';
import { allocate } from '../tensor/storage.ts';
import { dtypeName } from './dtypes.ts';
import { ModelError } from './error.ts';
import { isExternal } from './external.ts';
import { inlineBytes } from './inline-bytes.ts';
import { makeRawTensor } from './make.ts';
import type { GraphProto, ModelProto, SparseTensorProto, TensorProto } from './proto.ts';
import { graphsWithin, mapSubgraphs } from './subgraphs.ts';

/** What a message of protobuf can hold, less some room for the rest of the model. */
const LARGEST = 2 ** 31 - 2 ** 20;

/**
 * A model whose sparse initializers are written out as ordinary ones, in subgraphs too, as ONNX Runtime does when it loads
 * a model: whatever is read, cut or changed here knows of one kind of weights only.
 * Throws a ModelError for one that cannot be: without data in the file, of an element type that has no name here, or too
 * large for a file.
 */
export function withDenseWeights(proto: ModelProto, path: string): ModelProto {
  const { graph } = proto;
  if (!graph || ![...graphsWithin(graph)].some(({ sparseInitializer }) => sparseInitializer.length > 0)) return proto;
  return { ...proto, graph: withDense(graph, path) };
}

function withDense(graph: GraphProto, path: string): GraphProto {
  return {
    ...graph,
    node: graph.node.map((node) => mapSubgraphs(node, (subgraph) => withDense(subgraph, path))),
    initializer: [...graph.initializer, ...graph.sparseInitializer.map((sparse) => dense(sparse, path))],
    sparseInitializer: [],
  };
}

function dense({ values, indices, dims }: SparseTensorProto, path: string): TensorProto {
  const name = values?.name ?? '';
  const cannot = (reason: string) =>
    new ModelError(`${path} has a sparse weight, ${name}, that cannot be read: ${reason}`);
  if (!values || !indices) throw cannot('it has no values or no indices');
  const dtype = dtypeName(values.dataType);
  if (!dtype) throw cannot(`there is no name for its element type ${values.dataType}`);
  if (isExternal(values) || isExternal(indices)) throw cannot('its values stand in another file. Save it as one file');
  const sizes = dims.map(Number);
  const width = allocate(dtype, 0).BYTES_PER_ELEMENT;
  const length = width * sizes.reduce((a, b) => a * b, 1);
  if (length > LARGEST) throw cannot(`written out it takes ${length} bytes, too many for one file`);
  const bytes = new Uint8Array(length);
  const given = inlineBytes(values);
  if (indices.dataType !== T.INT64) throw cannot('its indices are not int64');
  const positions = places(inlineBytes(indices), indices.dims.length > 1 ? sizes : null);
  if (given.length !== positions.length * width) throw cannot('it has not as many values as indices');
  const outside = positions.find((position) => !(position >= 0 && position < length / width));
  if (outside !== undefined) throw cannot(`an index lies outside of its dims [${sizes.join(', ')}]`);
  for (const [i, position] of positions.entries())
    bytes.set(given.subarray(i * width, (i + 1) * width), position * width);
  return makeRawTensor(name, dtype, bytes, sizes);
}

/** The position of each element in memory, NaN for one outside of the sizes. Indices may give it as it is, or one number for each dimension. */
function places(indices: Uint8Array, sizes: readonly number[] | null): number[] {
  const view = new DataView(indices.buffer, indices.byteOffset, indices.byteLength);
  const numbers = Array.from({ length: view.byteLength / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
  if (!sizes) return numbers;
  const rank = sizes.length;
  return Array.from({ length: numbers.length / rank }, (_, i) =>
    sizes.reduce((position, size, dim) => {
      const index = numbers[i * rank + dim]!;
      return index >= 0 && index < size ? position * size + index : Number.NaN;
    }, 0),
  );
}
