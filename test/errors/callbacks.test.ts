import { map, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { rejection } from './support.ts';

const lm = await loadToy();
const inputs = { input_ids: [[1, 5, 9, 2]] };
const mine = new Error('mine');

const ways = {
  throws: () => {
    throw mine;
  },
  rejects: async () => {
    await new Promise(setImmediate);
    throw mine;
  },
};

describe('what a callback throws is what the promise is rejected with', () => {
  const block = () => {
    'use trace';
    return save(lm.lm_head.output['0, -1']);
  };
  for (const [way, callback] of Object.entries(ways)) {
    it(`onStats ${way}`, async () => {
      expect(await rejection(lm.trace(inputs, block, { onStats: callback }))).toBe(mine);
    });
    it(`onProgress ${way}`, async () => {
      expect(await rejection(lm.trace(inputs, block, { onProgress: callback }))).toBe(mine);
    });
    it(`onToken ${way}`, async () => {
      expect(await rejection(lm.generate(inputs, { maxNewTokens: 2, onToken: callback }, block))).toBe(mine);
    });
    it(`onProgress of map ${way}`, async () => {
      expect(await rejection(map([1, 2, 3], async (one) => one, { onProgress: callback }))).toBe(mine);
    });
  }

  it('and the model goes on afterwards', async () => {
    expect((await lm.trace(inputs, block)).dims).toHaveLength(1);
  });

  it('an answer of a backend that is none is an error', async () => {
    for (const answer of [5, undefined, [], [5]]) {
      const backend = { run: async () => answer as never };
      const error = await rejection(lm.trace(inputs, block, { backend }));
      expect(error.name).toBe('AnswerError');
    }
  });
});
