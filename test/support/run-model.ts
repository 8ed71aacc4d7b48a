import { InferenceSession, Tensor } from 'onnxruntime-node';
import { makeValueInfo } from '../../runtime/onnx/make.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { modelPath, type Reference } from './fixtures.ts';

export function fixtureModel(name: string, exporter: string): Promise<OnnxModel> {
  return readModel(modelPath(name, exporter));
}

/** Runs a model that was read, its weights still in its file, with some of its tensors as its outputs. */
export async function runModel(
  model: OnnxModel,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: readonly string[],
): Promise<Readonly<Record<string, Tensor>>> {
  const output = outputs.map((name) => makeValueInfo(name));
  const proto = { ...model.proto, graph: { ...model.graph, output } };
  const session = await InferenceSession.create(encodeModel(proto), {
    graphOptimizationLevel: 'disabled',
    extra: { session: { model_external_initializers_file_folder_path: model.folder } },
  });
  const results = await session.run(feeds);
  await session.release();
  return results as Record<string, Tensor>;
}

/** The reference's inputs as tensors of the types that the model wants. */
export function referenceFeeds(model: OnnxModel, { inputs }: Reference): Record<string, Tensor> {
  return Object.fromEntries(model.inputs.map(({ name, dtype }) => [name, tensor(dtype, inputs[name]!)]));
}

export function tensor(dtype: string | null, { dims, data }: { dims: number[]; data: number[] }): Tensor {
  if (dtype === 'int64') return new Tensor('int64', BigInt64Array.from(data, BigInt), dims);
  return new Tensor('float32', Float32Array.from(data), dims);
}

/** How far the first values of a tensor are from those expected; infinitely, where its shape is another. */
export function offset(
  result: Tensor | undefined,
  { dims, first }: { dims: readonly number[]; first: readonly number[] },
): number {
  if (result?.dims.join() !== dims.join()) return Number.POSITIVE_INFINITY;
  const data = result.data as Float32Array;
  return Math.max(...first.map((value, i) => Math.abs(value - data[i]!)));
}
