import { intervention, NNsight, norm, save } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { describe, expect, it } from 'vitest';
import { ModelMap } from '../../runtime/api/model-map.ts';
import { walk } from '../../runtime/modules/module.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { maxDifference } from '../support/toy.ts';
import { compileTo, tensorsIn } from './support/build.ts';

const zoo = (name: string) => new URL(`../fixtures/zoo/${name}`, import.meta.url).pathname;
const input_ids = [[1, 5, 7, 9]];

const steer = intervention({ alpha: 'float32' }, ({ model }: NNsight, { alpha }) => {
  model.transformer.h[0].output *= alpha;
  return { logits: save(model.lm_head.output), hidden: save(norm(model.transformer.h[1].output)) };
});
const again = intervention({ beta: 'float32' }, ({ model }: NNsight, { beta }) => {
  model.transformer.h[0].output += beta;
  return { logits: save(model.lm_head.output) };
});

describe.each(['gpt2.dynamo.onnx', 'gpt2.ts.onnx'])('a bundle of %s', (file) => {
  it.each([
    { weights: 'link', optimize: false },
    { weights: 'embed', optimize: false },
    { weights: 'link', optimize: true },
  ] as const)('opened again has its modules, and interventions stack: %o', async (options) => {
    const original = await NNsight.load(zoo(file), { device: 'cpu' });
    const folder = await compileTo(steer, { model: zoo(file), ...options });
    const model = await NNsight.load(`${folder}/steer.onnx`, { device: 'cpu' });
    // Both pass through the second block and multiply by 3 what the first made.
    const live = await original.trace({ input_ids }, () => {
      original.model.transformer.h[0].output *= 2;
      original.model.transformer.h[0].output += 0.25;
      return {
        first: save(original.model.transformer.h[0].output),
        second: save(original.model.transformer.h[1].attn.output),
        logits: save(original.model.lm_head.output),
      };
    });
    const stacked = await model.trace({ input_ids, alpha: 2 }, () => {
      model.model.transformer.h[0].output += 0.25;
      return {
        first: save(model.model.transformer.h[0].output),
        second: save(model.model.transformer.h[1].attn.output),
        logits: save(model.model.lm_head.output),
      };
    });
    const plain = await original.trace({ input_ids }, () => save(original.model.lm_head.output));
    for (const key of ['first', 'second', 'logits'] as const) {
      expect(maxDifference([...stacked[key].data], [...live[key].data]), key).toBeLessThan(1e-4);
    }
    expect(maxDifference([...plain.data], [...live.logits.data])).toBeGreaterThan(0.01);
    expect(await paths(`${folder}/steer.onnx`)).toEqual(await paths(zoo(file)));
  });

  it('compiles into a bundle of a bundle', async () => {
    const original = await NNsight.load(zoo(file), { device: 'cpu' });
    const first = await compileTo(steer, { model: zoo(file) });
    const second = await compileTo(again, { model: `${first}/steer.onnx` });
    const third = await compileTo(again, { model: `${first}/steer.onnx`, name: 'twice' });
    expect(third).not.toBe(second);
    const bundle = await loadBundle(second);
    const live = await original.trace({ input_ids }, () => {
      original.model.transformer.h[0].output *= 3;
      original.model.transformer.h[0].output += 1;
      return { logits: save(original.model.lm_head.output) };
    });
    const { logits } = tensorsIn(await bundle({ input_ids, alpha: 3, beta: 1 }));
    expect(maxDifference([...logits!.data], [...live.logits.data])).toBeLessThan(1e-4);
  });
});

async function paths(file: string): Promise<string[]> {
  return [...walk(new ModelMap(await readModel(file)).tree)].map(({ path }) => path).sort();
}
