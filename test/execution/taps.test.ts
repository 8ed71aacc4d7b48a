import { save } from 'onnsight';
import { beforeAll, expect, it } from 'vitest';
import { TOY } from '../support/fixtures.ts';
import { difference, type Engines, ids, names, openEngines, runGraph } from './engines.ts';

const inputs = ids([1, 2, 3, 4, 5]);
const TAPPED = 'the model with taps';

let file: Engines;
beforeAll(async () => {
  file = await openEngines(TOY);
});

async function run(block: () => unknown, given = inputs) {
  const graph = await file.model.graph(given, block);
  const ran = await runGraph(file.engine('taps'), graph, given);
  const whole = await runGraph(file.engine('off'), graph, given);
  console.log(names(ran.stats), ran.stats.dispatches.map((d) => [d.built, d.ran]), ran.stats.planned, difference(ran.tensors, whole.tensors));
  expect(difference(ran.tensors, whole.tensors)).toBeLessThan(1e-5);
  return ran.stats;
}

it('reads', async () => {
  await run(() => {
    'use trace';
    return file.model.transformer.h.map((x: any) => save(x.output));
  });
  await run(() => {
    'use trace';
    return save(file.model.output);
  });
  await run(() => {
    'use trace';
    file.model.transformer.h[1].output *= 2;
    return save(file.model.output);
  });
  await run(() => {
    'use trace';
    file.model.transformer.h[1].output[':, -1'] = 2;
    return save(file.model.lm_head.output['0, -1']);
  });
  await run(() => {
    'use trace';
    const h = file.model.transformer.h;
    h[0].output[':, -1'] *= 2;
    h[0].output[':, 0'] += 3;
    h[0].output[':, 1'] -= 3;
    h[3].output[':, 2'] = 1;
    return [save(file.model.lm_head.output['0, -1']), save(h[0].output.norm()), save(h[1].output['0, -1'])];
  });
});
