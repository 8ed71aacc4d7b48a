import { NNsight, save, type Tensor } from 'onnsight';
import { describe, expect, test } from 'vitest';
import { Published } from './reference.ts';

/** Files whose modules run several times with the same weights, or return more than the rest of the model uses. */
describe.each(['albert', 'bert-cls'])('%s', (name) => {
  const published = new Published(name);
  const { inputs, reference } = published;
  const loading = NNsight.load(published.model, { device: 'cpu' });

  test('each call of every module that is there gives what PyTorch’s gives', async () => {
    const model = await loading;
    const far: string[] = [];
    const missing: string[] = [];
    for (const [path, calls] of Object.entries(reference.modules)) {
      for (const [i, call] of calls.entries()) {
        if (call === null) continue;
        const read = () => save(calls.length > 1 ? model.get(path).calls[i]!.output : model.get(path).output);
        const value: Tensor | null = await model.trace(inputs, read).catch(() => null);
        if (value === null) missing.push(path);
        else if (!(published.distance(value, call) < 1e-4)) far.push(`${path} ${i}`);
      }
    }
    expect(far).toEqual([]);
    expect(missing.filter((path) => !/dropout|^bert$|^pooler/.test(path))).toEqual([]);
  });
});

test('a module of which only the pooled output is used says so: PyTorch’s first output is what is pooled', async () => {
  const published = new Published('bert-cls');
  const model = await NNsight.load(published.model, { device: 'cpu' });
  const read = model.trace(published.inputs, () => save(model.get('bert').output));
  await expect(read).rejects.toThrow(
    /calls.test.ts:\d+:\d+ - only what is pooled leaves 'bert' in this file.*Use bert.pooler.input or bert.pooler.output/,
  );
  const { pooled, last } = await model.trace(published.inputs, () => ({
    pooled: save(model.get('bert.pooler').input),
    last: save(model.get('bert.encoder.layer.2').output),
  }));
  expect(pooled.dims).toEqual([2, 9, 32]);
  expect(pooled.data).toEqual(last.data);
});
