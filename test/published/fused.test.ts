import { NNsight, save, type Tensor } from 'onnsight';
import { describe, expect, test } from 'vitest';
import { Published } from './reference.ts';

/**
 * Files that ONNX Runtime's optimizer and onnxruntime-genai made, in which one operator does the work of several modules.
 * `gone` are PyTorch's modules that the file does not have: dropouts, what is inside a fused attention, activations without
 * a name, the pooler that the export left out.
 */
const FILES = [
  { name: 'bert-optimizer', gone: /dropout$|self\.(query|key|value)$|^pooler/, layers: 'encoder.layer' },
  { name: 'distilbert-optimizer', gone: /dropout$|[qkv]_lin$/, layers: 'transformer.layer' },
  { name: 'gpt2-optimizer', gone: /drop(out)?$|mlp\.act$/, layers: 'transformer.h' },
  { name: 'vit-optimizer', gone: /dropout$/, layers: 'vit.encoder.layer' },
  { name: 'genai-llama/', gone: /rotary_emb$|[qkv]_proj$/, layers: 'model.layers' },
];

/** The names of PyTorch's modules that onnxruntime-genai gives others. */
function genai(path: string): string {
  return path.replace('.self_attn', '.attn').replace(/^model\.norm$/, 'model.final_norm_layernorm');
}

function has(model: NNsight, path: string): boolean {
  try {
    model.get(path);
    return true;
  } catch {
    return false;
  }
}

describe.each(FILES)('$name', ({ name, gone, layers }) => {
  const published = new Published(name);
  const { inputs, reference } = published;
  const own = name === 'genai-llama/' ? genai : (path: string) => path;
  const loading = NNsight.load(published.model, { device: 'cpu' });

  test('the value of every module is PyTorch’s, and the list of layers has no other entries', async () => {
    const model = await loading;
    const modules = Object.entries(reference.modules).filter(([, calls]) => calls.some((call) => call !== null));
    const there = modules.filter(([path]) => has(model, own(path)));
    const { values, output } = await model.trace(inputs, () => {
      const values: Record<string, Tensor> = {};
      for (const [path] of there) values[path] = save(model.get(own(path)).output) as unknown as Tensor;
      return { values, output: save(model.output) };
    });
    const distances = there.map(([path, [call]]) => [path, published.distance(values[path]!, call!)] as const);
    expect(distances.filter(([, distance]) => !(distance < 1e-4))).toEqual([]);
    expect(published.distance(output as unknown as Tensor, reference.output)).toBeLessThan(1e-4);
    const missing = modules.map(([path]) => path).filter((path) => !(path in values));
    expect(missing.filter((path) => !gone.test(path))).toEqual([]);
    expect(model.get(layers).length).toBe(3);
  });

  test.each(reference.writes)('$op of $path', async ({ path, op, output }) => {
    const model = await loading;
    const result = await model.trace(inputs, () => {
      const module = model.get(own(path));
      if (op === 'scale') module.output *= 0.5;
      else module.output[':, -1'] *= -0.5;
      return save(model.output);
    });
    expect(published.distance(result as unknown as Tensor, output)).toBeLessThan(1e-4);
  });
});
