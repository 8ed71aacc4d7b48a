import { fileURLToPath } from 'node:url';
import { NNsight, save } from 'onnsight';
import { expect, it } from 'vitest';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

it('runs more structures at once than it keeps, each with its own result', async () => {
  const model = await NNsight.load(MLP, { device: 'cpu' });
  const plain = await model.trace({ x }, () => save(model.layer1.output));
  const traces = Array.from({ length: 80 }, (_, n) =>
    model.trace({ x }, () => {
      let h = model.layer1.output;
      for (let i = 0; i < n; i++) h += 1;
      return save(h);
    }),
  );
  const results = await Promise.all(traces);
  results.forEach(({ data }, n) => {
    expect(data[0]).toBeCloseTo(plain.data[0]! + n, 4);
  });
});
