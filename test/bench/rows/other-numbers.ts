import { NNsight, save } from 'onnsight';
import { InferenceSession } from 'onnxruntime-node';
import { inTurns, median, time } from '../measure.ts';
import { tokens } from '../plain.ts';
import { type Row, times } from '../row.ts';

/** The same block with another number, another tensor and another position: nothing may be built for it. */
export const otherNumbers: Row = async ({ model: { path, sizes }, effort }) => {
  const built = countSessions();
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const inputs = tokens(1, 16, sizes.vocabulary).ours;
  const layer = model.transformer.h[1];
  const steer = (position: number, strength: number, direction: Float32Array) =>
    model.trace(inputs, () => {
      layer.output[`:, ${position}`] += direction;
      layer.output *= strength;
      return save(model.lm_head.output);
    });
  const direction = (start: number) => Float32Array.from({ length: sizes.width }, (_, i) => Math.sin(start + i));
  await steer(3, 0.5, direction(0));
  if (built() === 0) throw new Error('the sessions that are built cannot be counted');
  const before = built();
  let call = 0;
  const turns = await inTurns(
    () => time(() => steer(++call % 16, call / 10, direction(call))),
    () => time(() => steer(3, 0.5, direction(0))),
    effort,
  );
  const count = built() - before;
  return [
    {
      what: 'the same block with other numbers: sessions',
      result: { median: count, low: count, high: count },
      unit: 'built',
      bar: 0,
      note: `other numbers ${times(median(turns.ours), median(turns.plain)).replace('plain', 'the same')}`,
    },
  ];
};

/** Counts the sessions that this process makes from now on. */
function countSessions(): () => number {
  let count = 0;
  const { create } = InferenceSession;
  InferenceSession.create = ((...options: Parameters<typeof create>) => {
    count++;
    return create.apply(InferenceSession, options);
  }) as typeof create;
  return () => count;
}
