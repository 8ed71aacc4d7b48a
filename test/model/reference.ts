import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type OnnxModel, readModel } from '../../runtime/onnx/read.ts';

const FIXTURES = new URL('../fixtures/', import.meta.url);

/**
 * Small models that both of PyTorch's exporters wrote, with what PyTorch's own hooks saw in them: the zoo, and models
 * whose calls are hard to tell apart.
 */
export const MODELS = [
  ...['bert', 'cnn', 'gpt2', 'llama', 'mlp', 'rnn', 'sae', 'sigmoid-mlp', 'vit'].map((name) => `zoo/${name}`),
  ...['albert', 'cells', 'lstm', 'moe', 'res', 'same', 'siamese', 'twice'].map((name) => `edge/${name}`),
];
export const EXPORTERS = ['ts', 'dynamo'] as const;
/** Every model by every exporter. */
export const FILES = MODELS.flatMap((name) => EXPORTERS.map((exporter) => [name, exporter] as const));

export const TOY = fileURLToPath(new URL('../../models/toy-gpt2/model.onnx', import.meta.url));

export interface Reference {
  readonly inputs: Readonly<Record<string, { dims: number[]; data: number[] }>>;
  /** The shape and first values of each module's output, call by call. */
  readonly modules: Readonly<Record<string, readonly { dims: number[]; first: number[] }[]>>;
}

export function modelPath(name: string, exporter: string): string {
  return fileURLToPath(new URL(`${name}.${exporter}.onnx`, FIXTURES));
}

export function fixtureModel(name: string, exporter: string): Promise<OnnxModel> {
  return readModel(modelPath(name, exporter));
}

export function reference(name: string): Reference {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FIXTURES), 'utf8'));
}

/** Runs a model that was read, its weights still in its file, with some of its tensors as its outputs. */
export async function runModel(
  model: OnnxModel,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: readonly string[],
): Promise<Readonly<Record<string, Tensor>>> {
  const output = outputs.map((name) => create(ValueInfoProtoSchema, { name }));
  const proto = { ...model.proto, graph: { ...model.graph, output } };
  const session = await InferenceSession.create(toBinary(ModelProtoSchema, proto), {
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
