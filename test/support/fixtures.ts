import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

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

export function reference(name: string): Reference {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FIXTURES), 'utf8'));
}
