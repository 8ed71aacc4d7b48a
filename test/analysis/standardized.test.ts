import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LanguageModel, NNsight, ones, save, zeros } from 'onnsight';
import { StandardizedTransformer } from 'onnsight/analysis';
import { afterAll, describe, expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { modelPath, TOY } from '../support/fixtures.ts';

const PROMPT = 'The Eiffel Tower is in the city of';
const lm = await LanguageModel.load(TOY.replace(/\/[^/]*$/, ''), { device: 'cpu' });
const st = new StandardizedTransformer(lm);

describe('the values of a model by standard names', () => {
  test('are those of its modules', async () => {
    const { named, own } = await lm.trace(PROMPT, () => {
      const { h } = lm.transformer;
      return {
        named: [
          st.tokenEmbeddings,
          st.layersInput[1],
          st.layersOutput[-1],
          st.attentionsOutput[2],
          st.mlpsInput[0],
        ].map((value) => save(value)),
        own: [lm.transformer.wte.output, h[1].input, h[-1].output, h[2].attn.output, h[0].mlp.input].map((value) =>
          save(value),
        ),
      };
    });
    named.forEach((value, i) => {
      expect(value.data).toEqual(own[i]!.data);
    });
  });

  test('of attention probabilities each row adds up to 1, and so do those of the next token', async () => {
    const { rows, next } = await lm.trace(PROMPT, () => ({
      rows: save(st.attentionProbabilities[0].sum(-1)),
      next: save(st.nextTokenProbs.sum(-1)),
    }));
    for (const value of [...rows.data, ...next.data]) expect(value).toBeCloseTo(1, 5);
  });

  test('are set as those of its modules, in branches, too', async () => {
    const named = await lm.trace(PROMPT, () => {
      if (lm.transformer.h[0].output.sum() < 1e9) st.layersOutput[1] *= 0.5;
      else st.layersOutput[1] = zeros([1, 9, 128]);
      st.mlpsOutput[2][':, -1'] = 0;
      return save(st.logits);
    });
    const own = await lm.trace(PROMPT, () => {
      lm.transformer.h[1].output *= 0.5;
      lm.transformer.h[2].mlp.output[':, -1'] = 0;
      return save(lm.lm_head.output);
    });
    expect(named.data).toEqual(own.data);
  });

  test('steer, skipLayer and projectOnVocab', async () => {
    const vector = ones([128]);
    const named = await lm.trace(PROMPT, () => {
      st.steer(0, vector, { factor: 2, positions: [-1, 2] });
      st.skipLayer(2);
      return save(st.projectOnVocab(st.layersOutput[1]));
    });
    const own = await lm.trace(PROMPT, () => {
      const { h, ln_f } = lm.transformer;
      h[0].output[':, [-1, 2]'] += vector * 2;
      h[2].skip(h[2].input);
      return save(lm.lm_head(ln_f(h[1].output)));
    });
    expect(named.data).toEqual(own.data);
  });

  test('sizes come from the configuration', () => {
    expect([st.numLayers, st.numHeads, st.hiddenSize, st.vocabSize]).toEqual([4, 4, 128, 189]);
  });
});

describe('what is not there is an error at the line', () => {
  test('of an index', async () => {
    await expect(lm.trace(PROMPT, () => save(st.layersOutput[4]))).rejects.toThrow(
      /standardized.test.ts:\d+:\d+ - There is no layersOutput\[4\]: the model has 4 layers/,
    );
    expect(() => {
      (st as { layers: unknown }).layers = [];
    }).toThrow(/layers of a standardized transformer cannot be set/);
  });

  test('of a part that an architecture does not have', async () => {
    const bert = await NNsight.load(modelPath('zoo/bert', 'ts'), { device: 'cpu' });
    const named = new StandardizedTransformer(bert);
    expect(named.attentions[0]!.path).toBe('model.encoder.layer.0.attention');
    expect(() => named.mlps[0]).toThrow(
      /layer.0 has no module that is the MLP \(mlp\): it has attention, intermediate/,
    );
  });

  test('of a model without layers, or with several lists of them', async () => {
    const mlp = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
    expect(() => new StandardizedTransformer(mlp)).toThrow(/no module that is the list of layers/);
  });
});

test.each([
  ['gpt2', 'model.transformer.h', 'model.transformer.h.1.attn', 'model.transformer.ln_f', 'model.transformer.wte'],
  ['llama', 'model.model.layers', 'model.model.layers.1.self_attn', 'model.model.norm', 'model.model.embed_tokens'],
] as const)('parts of %s by both exporters', async (name, layers, attention, norm, embeddings) => {
  for (const exporter of ['ts', 'dynamo'] as const) {
    const model = await NNsight.load(modelPath(`zoo/${name}`, exporter), { device: 'cpu' });
    const found = new StandardizedTransformer(model);
    expect([found.layers, found.attentions[1]!, found.lnFinal, found.embedTokens].map(({ path }) => path)).toEqual([
      layers,
      attention,
      norm,
      embeddings,
    ]);
    expect(found.lmHead.path).toBe('model.lm_head');
  }
});

describe('patterns of a model that counts heads beside the rows of the batch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-heads-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const at = '/layers.0/self_attn';
  const graph = makeGraph(
    'heads',
    [
      makeNode('Softmax', ['x'], [`${at}/Softmax_output_0`], { axis: { int: -1 } }, `${at}/Softmax`),
      makeNode('Neg', [`${at}/Softmax_output_0`], [`${at}/Neg_output_0`], {}, `${at}/Neg`),
      makeNode('Relu', [`${at}/Neg_output_0`], ['/layers.0/mlp/Relu_output_0'], {}, '/layers.0/mlp/Relu'),
      makeNode('Add', [`${at}/Neg_output_0`, '/layers.0/mlp/Relu_output_0'], ['y'], {}, '/layers.0/Add'),
    ],
    [makeValueInfo('x', 'float32', [4, 1, 2])],
    [makeValueInfo('y', 'float32', [4, 1, 2])],
    [],
  );
  writeFileSync(join(folder, 'model.onnx'), encodeModel(makeModel(graph, 17)));
  const x = [[[0, 9]], [[9, 0]], [[0, 0]], [[0, 9]]];

  test('are an error that says so where no configuration tells how many heads there are', async () => {
    const model = await NNsight.load(join(folder, 'model.onnx'), { device: 'cpu' });
    const heads = new StandardizedTransformer(model);
    await expect(model.trace({ x }, () => save(heads.attentionProbabilities[0]))).rejects.toThrow(
      /standardized.test.ts:\d+:\d+ - attentionProbabilities are \[batch x heads, from, to\] in this file/,
    );
  });

  test('are read and set by row and head', async () => {
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      cpSync(join(dirname(TOY), file), join(folder, file));
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ num_attention_heads: 2 }));
    const model = await LanguageModel.load(folder, { device: 'cpu' });
    const heads = new StandardizedTransformer(model);
    const { pattern, set } = await model.trace({ x }, () => {
      const found = save(heads.attentionProbabilities[0].clone());
      heads.attentionProbabilities[0][':, 1'] = 0.25;
      return { pattern: found, set: save(model.output) };
    });
    expect([...pattern.dims]).toEqual([2, 2, 1, 2]);
    for (const [i, value] of [0, 1, 1, 0, 0.5, 0.5, 0, 1].entries()) expect(pattern.data[i]).toBeCloseTo(value, 3);
    const changed = [0, -1, -0.25, -0.25, -0.5, -0.5, -0.25, -0.25];
    for (const [i, value] of changed.entries()) expect(set.data[i]).toBeCloseTo(value, 3);
    const whole = await model.trace({ x }, () => {
      heads.attentionProbabilities[0] = ones([2, 2, 1, 2]);
      return save(model.output);
    });
    expect([...whole.data]).toEqual(Array(8).fill(-1));
  });
});

/** A model of nothing but names: each node takes what the one before gives. */
async function named(...names: readonly string[]): Promise<NNsight> {
  const tensor = (i: number) => (i === 0 ? 'x' : i === names.length ? 'y' : `${names[i - 1]}_output_0`);
  const nodes = names.map((name, i) => makeNode('Neg', [tensor(i)], [tensor(i + 1)], {}, `${name}/Neg`));
  const info = (name: string) => makeValueInfo(name, 'float32', [1]);
  const path = join(mkdtempSync(join(tmpdir(), 'onnsight-')), 'model.onnx');
  writeFileSync(path, encodeModel(makeModel(makeGraph('', nodes, [info('x')], [info('y')]))));
  try {
    return await NNsight.load(path, { device: 'cpu' });
  } finally {
    rmSync(dirname(path), { recursive: true });
  }
}

describe('of several modules of a name', () => {
  const layer = ['/encoder/layers.0/attention', '/encoder/layers.0/feed_forward'];

  test('the last norm is behind the layers: that of wav2vec 2.0 runs before them', async () => {
    const after = await named(...layer, '/encoder/layer_norm');
    expect(new StandardizedTransformer(after).lnFinal.path).toBe('encoder.layer_norm');
    const before = new StandardizedTransformer(await named('/encoder/layer_norm', ...layer));
    expect(() => before.lnFinal).toThrow(
      /encoder has no module that is the norm behind the last layer \(ln_final\): it has layer_norm, layers, which run in this order/,
    );
  });

  test('the projection is that of the transformer that is meant', async () => {
    const model = await named(
      ...['/text_model/encoder/layers.0/self_attn', '/text_projection'],
      ...['/vision_model/encoder/layers.0/self_attn', '/visual_projection'],
    );
    for (const [within, projection] of [
      ['text_model', 'text_projection'],
      ['vision_model', 'visual_projection'],
    ] as const) {
      expect(new StandardizedTransformer(model, { within }).lmHead.path).toBe(projection);
    }
  });

  test('a list of several is not that of the layer', async () => {
    const model = await named(
      '/encoder/layer.0/attention',
      '/encoder/layer.0/ffn.0/dense',
      '/encoder/layer.0/ffn.1/dense',
    );
    expect(() => new StandardizedTransformer(model).mlps[0]).toThrow(/layer.0 has no module that is the MLP/);
  });
});
