import { dirname } from 'node:path';
import { LanguageModel } from 'onnsight';
import type { InferenceSession } from 'onnxruntime-node';
import { inTurns, median, ratio, type Turns, time } from '../measure.ts';
import { decodeByHand, open } from '../plain.ts';
import { type Line, type Row, times } from '../row.ts';

/** How many tokens there are, and how many are new. */
const [PROMPT, NEW] = [16, 64];

/** Generating while a layer is steered, against a loop over plain ONNX Runtime with the cache: the first time, and later. */
export const generation: Row = async ({ model: { cached, sizes }, effort }) => {
  const load = () => LanguageModel.load(dirname(cached), { device: 'cpu', file: 'cached.onnx' });
  const prompt = Array.from({ length: PROMPT }, (_, i) => (i * 7919 + 13) % sizes.vocabulary);
  const byHand = (session: InferenceSession) => decodeByHand(session, sizes, prompt, NEW);
  const steer = (lm: Awaited<ReturnType<typeof load>>, scale: number) => {
    const layer = lm.transformer.h[sizes.layers / 2];
    return lm.generate(
      prompt,
      (tracer) => {
        for (const _ of tracer.iter()) layer.output *= scale;
      },
      { maxNewTokens: NEW, stopTokens: [] },
    );
  };
  const lm = await load();
  const session = await open(cached);
  const [{ tokens }, expected] = [await steer(lm, 1), await byHand(session)];
  if (`${tokens[0]}` !== `${expected.tokens}`) throw new Error('the tokens are not those of plain ONNX Runtime');
  const later = await inTurns(
    () => time(() => steer(lm, 0.9)),
    () => time(() => byHand(session)),
    { ...effort, most: 8 },
  );
  await lm.release();
  await session.release();
  const first = await inTurns(
    async () => {
      const fresh = await load();
      const took = await time(() => steer(fresh, 0.9));
      await fresh.release();
      return took;
    },
    async () => {
      let opened: InferenceSession | null = null;
      const took = await time(async () => {
        opened = await open(cached);
        await byHand(opened);
      });
      await opened!.release();
      return took;
    },
    { ...effort, least: 2, most: 3 },
  );
  const line = (what: string, { ours, plain }: Turns<number>, bar: number): Line => ({
    what: `generates ${NEW} tokens, a layer scaled at each, ${what}`,
    result: ratio({ ours, plain }),
    unit: '×',
    bar,
    note: `a token: ${times(median(ours) / NEW, median(plain) / NEW)}`,
  });
  return [line('the first time, sessions made', first, 1.1), line('from then on', later, 1.05)];
};
