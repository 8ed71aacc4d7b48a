import { readFileSync } from 'node:fs';
import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type OnnxModel, readModel } from '../../runtime/model/read.ts';

/** The zoo: small models that both of PyTorch's exporters wrote, with what PyTorch's own hooks saw in them. */
export const MODELS = ['bert', 'cnn', 'gpt2', 'llama', 'mlp', 'rnn', 'sae', 'sigmoid-mlp', 'vit'] as const;
export const EXPORTERS = ['ts', 'dynamo'] as const;

export interface Reference {
  readonly inputs: Readonly<Record<string, { dims: number[]; data: number[] }>>;
  /** The shape and first values of each module's output, call by call. */
  readonly modules: Readonly<Record<string, readonly { dims: number[]; first: number[] }[]>>;
}

const ZOO = new URL('../fixtures/zoo/', import.meta.url);

export function zooPath(name: string, exporter: string): string {
  return new URL(`${name}.${exporter}.onnx`, ZOO).pathname;
}

export function zooModel(name: string, exporter: string): Promise<OnnxModel> {
  return readModel(zooPath(name, exporter));
}

export function reference(name: string): Reference {
  return JSON.parse(readFileSync(new URL(`${name}.json`, ZOO), 'utf8'));
}

/** Runs a model that was read, its weights still in its file, with some of its tensors as its outputs. */
export async function runModel(
  model: OnnxModel,
  feeds: Readonly<Record<string, Tensor>>,
  outputs: readonly string[],
): Promise<InferenceSession.OnnxValueMapType> {
  const output = outputs.map((name) => create(ValueInfoProtoSchema, { name }));
  const proto = { ...model.proto, graph: { ...model.graph, output } };
  const session = await InferenceSession.create(toBinary(ModelProtoSchema, proto), {
    graphOptimizationLevel: 'disabled',
    extra: { session: { model_external_initializers_file_folder_path: model.folder } },
  });
  const results = await session.run(feeds);
  await session.release();
  return results;
}

/** The reference's inputs as tensors of the types that the model wants. */
export function referenceFeeds(model: OnnxModel, { inputs }: Reference): Record<string, Tensor> {
  return Object.fromEntries(
    model.inputs.map(({ name, dtype }) => {
      const { dims, data } = inputs[name]!;
      const values = dtype === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data);
      return [name, new Tensor(values instanceof BigInt64Array ? 'int64' : 'float32', values as never, dims)];
    }),
  );
}
