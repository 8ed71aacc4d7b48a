import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grad, NNsight, save, sum, type Tensor, type Traced } from 'onnsight';
import { expect, onTestFinished, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { fixturePath } from './fixture-path.ts';

interface Values {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** What test/tools/genai_fixtures.py had of PyTorch. */
interface Reference {
  readonly ids: readonly (readonly number[])[];
  readonly outputs: Readonly<Record<string, Values>>;
  readonly logits: Values;
  readonly norms: Readonly<Record<string, Values>>;
  readonly gradients: Readonly<Record<string, Values>>;
  /** The gradient by what the embeddings give. */
  readonly embedded: Values;
}

const same = ({ dims, data }: Tensor, expected: Values, where: string) => {
  expect([...dims], where).toEqual([...expected.dims]);
  const scale = Math.max(1, ...expected.data.map(Math.abs));
  for (const [i, value] of expected.data.entries()) expect(data[i]! / scale, where).toBeCloseTo(value / scale, 4);
};
const inBuilders = (path: string) =>
  path
    .replace(/^model\.norm\b/, 'model.final_norm_layernorm')
    .replace(/\bself_attn\.([qk]_norm)\b/, 'attn.$1.layernorm');

test.each(['gemma', 'granite', 'nemotron', 'qwen3'])(
  "norms, embeddings and gradients of %s as onnxruntime-genai's builder writes them are PyTorch's",
  async (name) => {
    const folder = fixturePath(`genai-${name}`);
    const { ids, outputs, logits, norms, gradients, embedded }: Reference = JSON.parse(
      readFileSync(`${folder}/ref.json`, 'utf8'),
    );
    const model = await NNsight.load(`${folder}/model.onnx`, { device: 'cpu' });
    const inputs = { input_ids: ids, attention_mask: ids.map((row) => row.map(() => 1)) };
    const read = await model.trace(inputs, () => {
      const modules: Record<string, Tensor> = {};
      for (const path of Object.keys(outputs))
        modules[path] = save(model.get(inBuilders(path)).output) as unknown as Tensor;
      const weights: Record<string, Tensor> = {};
      for (const path of Object.keys(norms))
        weights[path] = save(model.get(inBuilders(path)) as never) as unknown as Tensor;
      return { modules, weights, logits: save(model.output) };
    });
    same(read.logits as unknown as Tensor, logits, 'logits');
    for (const [path, expected] of Object.entries(outputs)) same(read.modules[path]!, expected, path);
    for (const [path, expected] of Object.entries(norms)) {
      same(read.weights[path]!, expected, path);
      same(model.get(inBuilders(path)) as unknown as Tensor, expected, path);
    }
    const slopes = await model.trace(inputs, () => {
      const weights = Object.keys(norms).map((path) => model.get(inBuilders(path)) as unknown as Traced);
      const last = model.output['0, -1'];
      return save(grad(sum(last * last), weights));
    });
    for (const [i, path] of Object.keys(norms).entries()) same(slopes[i] as unknown as Tensor, gradients[path]!, path);
    // From there on the derivative begins in the middle of the model.
    const slope = await model.trace(inputs, () => {
      const last = model.output['0, -1'];
      return save(grad(sum(last * last), model.get('model.embed_tokens').output as unknown as Traced));
    });
    same(slope as unknown as Tensor, embedded, 'model.embed_tokens');
  },
);

test('embeddings that their own module scales are what it gives, as the TorchScript exporter names them', async () => {
  const graph = makeGraph(
    'scaled',
    [
      makeNode(
        'Gather',
        ['model.embed_tokens.weight', 'ids'],
        ['/model/embed_tokens/Gather_output_0'],
        {},
        '/model/embed_tokens/Gather',
      ),
      makeNode(
        'Mul',
        ['/model/embed_tokens/Gather_output_0', '/model/embed_tokens/Constant_output_0'],
        ['/model/embed_tokens/Mul_output_0'],
        {},
        '/model/embed_tokens/Mul',
      ),
      makeNode('Relu', ['/model/embed_tokens/Mul_output_0'], ['y'], {}, '/model/act/Relu'),
    ],
    [makeValueInfo('ids', 'int64', [2])],
    [makeValueInfo('y', 'float32', [2, 2])],
    [
      makeTensor('model.embed_tokens.weight', 'float32', [1, -2, 3, 4], [2, 2]),
      makeTensor('/model/embed_tokens/Constant_output_0', 'float32', [10], []),
    ],
  );
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-scaled-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'scaled.onnx'), encodeModel(makeModel(graph, 17)));
  const model = await NNsight.load(join(folder, 'scaled.onnx'), { device: 'cpu' });
  const looked = await model.trace({ ids: [1, 0] }, () => save(model.get('model.embed_tokens').output));
  expect([...looked.data]).toEqual([30, 40, 10, -20]);
});
