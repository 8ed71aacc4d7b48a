import { save } from 'onnsight';
import { expect, it } from 'vitest';
import { noteMomentary } from '../../runtime/bundle/build/momentary.ts';
import { loadToy } from '../support/toy.ts';

it('what a file asks of the clock and of chance is noted, and not what a model does that it runs', async () => {
  const lm = await loadToy();
  const { result, notes } = await noteMomentary(async () => {
    const norm = await lm.trace('a', () => save(lm.lm_head.output.norm()));
    return [norm.item(), Math.random(), performance.now(), Date.now()];
  });
  expect(result).toHaveLength(4);
  const asked = notes.map((note) => /^test\/bundle\/momentary\.test\.ts:10:\d+ - (\S+) is called/.exec(note)?.[1]);
  expect(asked).toEqual(['Math.random()', 'performance.now()', 'Date.now()']);
});
