import { describe, expect, test } from 'vitest';
import { parameters } from '../../runtime/modules/parameters.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { TOY } from '../support/fixtures.ts';
import { fixtureModel } from '../support/run-model.ts';

describe('parameters by their paths', () => {
  test('of the toy GPT-2, without the one that the exporter has transposed', async () => {
    const found = parameters(await readModel(TOY));
    expect(found.get('transformer.h.0.attn.c_attn.weight')).toBe('transformer.h.0.attn.c_attn.weight');
    expect(found.has('lm_head.weight')).toBe(false);
    expect([...found.keys()].every((path) => /^[a-z]/.test(path) && !path.includes('::'))).toBe(true);
    expect(found.size).toBe(52);
  });

  test('that were equal share an initializer (TorchScript keeps the names as Identity nodes)', async () => {
    const found = parameters(await fixtureModel('zoo/gpt2', 'ts'));
    expect(found.get('model.transformer.ln_f.weight')).toBe('model.transformer.h.0.ln_1.weight');
  });

  test('that were equal share an initializer (dynamo quotes them in its calls)', async () => {
    const found = parameters(await fixtureModel('zoo/gpt2', 'dynamo'));
    expect(found.get('model.transformer.wte.weight')).toBe('model.lm_head.weight');
    expect(found.get('model.transformer.ln_f.weight')).toBe('model.transformer.h.0.ln_1.weight');
    expect(found.get('model.transformer.h.1.ln_2.bias')).toBe('model.transformer.h.0.ln_1.bias');
  });

  test('that were folded into others are left out', async () => {
    const found = parameters(await fixtureModel('zoo/cnn', 'dynamo'));
    expect(found.has('stem.1.weight')).toBe(false);
    expect(found.has('stem.0.weight')).toBe(false);
    expect(found.has('stem.0.bias')).toBe(false);
    expect(found.get('block.0.0.weight')).toBe('block.0.0.weight');
  });
});
