import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NNsight, save } from 'onnsight';
import { expect, it } from 'vitest';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

const TRACES = 400;

/** Bytes that a trace may leave behind for a full collection. What a block records takes five times as much. */
const LEFT = 4000;

it('what a trace recorded is gone after a small garbage collection', async () => {
  // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
  const model: any = await NNsight.load(MLP, { device: 'cpu' });
  const run = async () => {
    for (let i = 0; i < TRACES; i++) {
      await model.trace({ x }, () => {
        model.layer1.output *= 2;
        return save(model.layer2.output);
      });
      if (i % 20 === 0) collect({ type: 'minor' });
    }
    collect({ type: 'minor' });
  };
  await run();
  collect();
  const before = process.memoryUsage().heapUsed;
  await run();
  expect((process.memoryUsage().heapUsed - before) / TRACES).toBeLessThan(LEFT);
});
