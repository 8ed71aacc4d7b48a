import { LanguageModel, NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, reference, TOY } from '../support/toy.ts';
import { clean } from './support.ts';

const last = reference.cases.modules.logits_last;
const load = (rename: Record<string, string | string[]>) => LanguageModel.load(TOY, { device: 'cpu', rename });

describe('rename: other names for modules', () => {
  it('a list of modules, and the old name keeps working', async () => {
    const lm = await load({ 'transformer.h': 'layers' });
    const { by, old } = await lm.trace(clean, () => ({
      by: save(lm.layers[1].output),
      old: save(lm.transformer.h[1].output),
    }));
    expect(by.data).toEqual(old.data);
    expect(await lm.scan(clean, () => lm.layers[1].output)).toMatchObject({ dims: [1, 15, 128] });
  });

  it('a bare name wherever a module has it, several names, and names of names', async () => {
    const lm = await load({ transformer: 'model', mlp: ['feedForward', 'ffn'], lm_head: 'unembed', h: 'blocks' });
    const { logits, same } = await lm.trace(clean, () => ({
      logits: save(lm.unembed.output['0, -1']),
      same: save(lm.model.blocks[2].feedForward.output - lm.transformer.h[2].ffn.output),
    }));
    expectClose(logits, last);
    expect(same.dims).toEqual([1, 15, 128]);
    expect(Math.max(...(same.data as Float32Array))).toBe(0);
  });

  it('a part of a path, wherever it is; a dot in front changes nothing', async () => {
    const lm = await load({ '.transformer': ['model', 'mdl'], '.h': 'layers', 'h.0': 'first', 'mlp.c_proj': 'down' });
    const read = () => [
      lm.model.layers[2].down,
      lm.mdl.h[2].down,
      lm.transformer.h[2].mlp.c_proj,
      lm.transformer.first,
    ];
    expect(read().map(({ path }) => path)).toEqual([...Array(3).fill('transformer.h.2.mlp.c_proj'), 'transformer.h.0']);
    await expect(load({ '.g': 'layers' })).rejects.toThrow(/no module .*g.*the model has transformer, lm_head/);
    await expect(load({ 'h.9': 'last' })).rejects.toThrow(/no module h\.9/);
  });

  it('a name that is taken is an error of the load', async () => {
    await expect(load({ 'transformer.h': 'lm_head' })).rejects.toThrow(/transformer\.h cannot be called lm_head/);
    await expect(load({ mlp: 'output' })).rejects.toThrow(/transformer\.h\.0\.mlp cannot be called/);
  });

  it('paths work with either name', async () => {
    const lm = await load({ 'transformer.h': 'layers' });
    const { a, b } = await lm.trace(clean, () => ({
      a: save(lm.get('layers.2.mlp.output') as never),
      b: save(lm.get('transformer.h.2.mlp.output') as never),
    }));
    expect(a.data).toEqual(b.data);
  });

  it('writes by one name are seen by the other', async () => {
    const lm = await load({ 'transformer.h': 'layers' });
    const logits = await lm.trace(clean, () => {
      lm.layers[1].output *= 0.5;
      return { logits: save(lm.lm_head.output['0, -1']), read: save(lm.transformer.h[1].output['0, -1']) };
    });
    expectClose(logits.logits, reference.cases.scale.logits_last);
  });

  it('a path that is not there is an error of the load', async () => {
    const wrong = NNsight.load(`${TOY}/model.onnx`, { device: 'cpu', rename: { 'transformer.g': 'layers' } });
    await expect(wrong).rejects.toThrow(/no module transformer\.g/);
  });
});
