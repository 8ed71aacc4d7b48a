import { expect, test } from 'vitest';
import { formatTree } from '../../runtime/modules/format.ts';
import { buildTree } from '../../runtime/modules/tree.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { TOY } from '../support/fixtures.ts';
import { fixtureModel } from '../support/run-model.ts';

test('equal blocks stand on one line', async () => {
  expect(formatTree(buildTree(await fixtureModel('zoo/gpt2', 'dynamo')))).toMatchInlineSnapshot(`
    "Lm(
      (model): GPT2LMHeadModel(
        (transformer): GPT2Model(
          (wte): Embedding()
          (wpe): Embedding()
          (h): ModuleList(
            (0-1): 2 x GPT2Block(
              (ln_1): LayerNorm()
              (attn): GPT2Attention(
                (c_attn): Conv1D()
                (c_proj): Conv1D()
              )
              (ln_2): LayerNorm()
              (mlp): GPT2MLP(
                (c_fc): Conv1D()
                (act): NewGELUActivation()
                (c_proj): Conv1D()
              )
            )
          )
          (ln_f): LayerNorm()
        )
        (lm_head): Linear()
      )
    )"
  `);
});

test('without classes, the names remain', async () => {
  expect(formatTree(buildTree(await readModel(TOY)))).toMatchInlineSnapshot(`
    "Model(
      (transformer): Module(
        (wte): Module()
        (wpe): Module()
        (h): ModuleList(
          (0-3): 4 x Module(
            (ln_1): Module()
            (attn): Module(
              (c_attn): Module()
              (c_proj): Module()
            )
            (ln_2): Module()
            (mlp): Module(
              (c_fc): Module()
              (act): Module()
              (c_proj): Module()
            )
          )
        )
        (ln_f): Module()
      )
      (lm_head): Module()
    )"
  `);
});

test('what became of modules without nodes is said', async () => {
  expect(formatTree(buildTree(await fixtureModel('zoo/cnn', 'dynamo')))).toMatchInlineSnapshot(`
    "Cnn(
      (stem): Sequential(
        (0): Module() # fused into stem.1
        (1): BatchNorm2d()
        (2): ReLU()
      )
      (block): ModuleList(
        (0-1): 2 x Sequential(
          (0): Conv2d()
          (1): GroupNorm()
          (2): SiLU()
        )
      )
      (pool): AdaptiveAvgPool2d()
      (head): Linear()
    )"
  `);
  expect(formatTree(buildTree(await fixtureModel('edge/siamese', 'ts')))).toMatchInlineSnapshot(`
    "Model(
      (enc): Sequential( # runs 2 times
        (0): Module() # runs 2 times
        (1): Module() # runs 2 times
        (2): Module() # does nothing at inference
        (3): Module() # runs 2 times
      )
      (head): Module()
    )"
  `);
});
