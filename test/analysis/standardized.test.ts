import { LanguageModel, NNsight, ones, save, zeros } from 'onnsight';
import { StandardizedTransformer } from 'onnsight/analysis';
import { describe, expect, test } from 'vitest';
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
