import { type Device, NNsight, save, type Tensor } from 'onnsight';
import { modelPath, type Reference, reference } from '../support/fixtures.ts';
import type { Expected, Pair } from '../support/pytorch.ts';

interface Zoo {
  /** Modules that agree with PyTorch and modules that ran in PyTorch, by either exporter: the numbers of docs/model-files.md. */
  readonly agree: readonly [number, number];
  /** The middle module whose output is halved. */
  readonly halved: string;
  /** Modules that leave no operation and no name in the file. */
  readonly nameless?: readonly string[];
  /** Modules whose output is no longer computed, and the module that absorbed them. */
  readonly fused?: Readonly<Record<string, string>>;
}

/** The models that both of PyTorch's exporters wrote, by the names of their fixtures. */
export const ZOO: Readonly<Record<string, Zoo>> = {
  bert: {
    agree: [37, 42],
    halved: 'model.encoder.layer.0.attention.self',
    nameless: [
      'model.embeddings.dropout',
      'model.encoder.layer.0.attention.output.dropout',
      'model.encoder.layer.0.output.dropout',
      'model.encoder.layer.1.attention.output.dropout',
      'model.encoder.layer.1.output.dropout',
    ],
  },
  cnn: { agree: [13, 14], halved: 'block.0', fused: { 'stem.0': 'stem.1' } },
  gpt2: {
    agree: [26, 31],
    halved: 'model.transformer.h.0.mlp',
    nameless: [
      'model.transformer.drop',
      'model.transformer.h.0.attn.resid_dropout',
      'model.transformer.h.0.mlp.dropout',
      'model.transformer.h.1.attn.resid_dropout',
      'model.transformer.h.1.mlp.dropout',
    ],
  },
  llama: { agree: [32, 32], halved: 'model.model.layers.0.mlp' },
  mlp: { agree: [2, 2], halved: 'layer1' },
  rnn: { agree: [3, 3], halved: 'act' },
  sae: { agree: [3, 3], halved: 'relu' },
  'sigmoid-mlp': { agree: [4, 4], halved: 'sigma1' },
  vit: {
    agree: [29, 32],
    halved: 'model.layers.0.mlp',
    nameless: ['model.embeddings.dropout', 'model.layers.0.dropout', 'model.layers.1.dropout'],
  },
};

interface FullReference extends Reference {
  readonly output: Expected;
}

export const zooReference = (name: string) => reference(`zoo/${name}`) as FullReference;

export const loadZoo = (name: string, exporter: string, device: Device) =>
  NNsight.load(modelPath(`zoo/${name}`, exporter), { device });

export type Loaded = Awaited<ReturnType<typeof loadZoo>>;

/** PyTorch's inputs, as a user would write them. */
export const inputsOf = ({ inputs }: Reference) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { dims, data }]) => [name, nest(data, dims)]));

function nest(data: readonly number[], dims: readonly number[]): number[] {
  const [length = 1, ...inner] = dims;
  if (inner.length === 0) return [...data];
  const size = data.length / length;
  return Array.from({ length }, (_, i) => nest(data.slice(i * size, (i + 1) * size), inner)) as never;
}

/** The modules that ran in PyTorch and that the file still has. */
export function readable(name: string): string[] {
  const { nameless = [], fused = {} } = ZOO[name]!;
  const ran = Object.keys(zooReference(name).modules);
  return ran.filter((path) => !nameless.includes(path) && !Object.hasOwn(fused, path));
}

/** Reads every module that can be read, call by call, and the model's output, in one trace. */
export async function readModules(model: Loaded, name: string): Promise<Pair[]> {
  const { modules, output, ...expected } = zooReference(name);
  const paths = readable(name);
  const found = await model.trace(inputsOf({ modules, ...expected }), () => ({
    modules: paths.map((path) => {
      const module = model.get(path);
      if (modules[path]!.length === 1) return [save(module.output)];
      return module.calls.map((call) => save(call.output));
    }),
    output: save(model.output),
  }));
  const calls = (found.modules as Tensor[][]).flatMap((outputs, i) => {
    const path = paths[i]!;
    const seen = modules[path]!;
    if (outputs.length !== seen.length)
      throw new Error(`${path} has ${outputs.length} calls, in PyTorch ${seen.length}`);
    return outputs.map((actual, k) => ({ what: `${path} call ${k}`, actual, expected: seen[k]! }));
  });
  return [...calls, { what: 'output', actual: found.output, expected: output }];
}

/** The model's output with the (first) output of its middle module halved, and the value of that module's output then. */
export function halve(model: Loaded, name: string) {
  const { halved } = ZOO[name]!;
  return model.trace(inputsOf(zooReference(name)), () => {
    const module = model.get(halved);
    module.output *= 0.5;
    return { output: save(model.output), module: save(module.output) };
  });
}

/** Half of PyTorch's output of the middle module. */
export function halfOf(name: string): Expected {
  const { dims, first } = zooReference(name).modules[ZOO[name]!.halved]![0]!;
  return { dims, first: first.map((value) => value / 2) };
}
