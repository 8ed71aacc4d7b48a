import { type AnyTensor, type Loose, NNsight, type Saved, save } from 'onnsight';
import { expect, it } from 'vitest';
import { maxDifference, reference, TOY } from '../support/toy.ts';

interface WithMethods extends Loose {
  complete(words: readonly number[]): Promise<Record<string, AnyTensor>>;
  complete<R>(words: readonly number[], block: () => R): Promise<R>;
}

/** `__methods__`: another entry point, around which a trace is opened. */
it('an entry point that was given on loading traces', async () => {
  const model = await NNsight.load<WithMethods>(`${TOY}/model.onnx`, {
    device: 'cpu',
    inputHooks: { methods: { complete: (ids: readonly number[]) => ({ input_ids: [ids] }) } },
  });
  const { clean } = reference.ids;
  const wanted = reference.cases.modules.logits_last.data;
  const { logits } = await model.complete(clean);
  expect(maxDifference(Array.from(logits![0][-1].data as Float32Array), wanted)).toBeLessThan(1e-4);
  const last = await model.complete(clean, (): Saved => {
    'use trace';
    return save(model.lm_head.output['0, -1']);
  });
  expect(maxDifference(Array.from(last.data), wanted)).toBeLessThan(1e-4);
});
