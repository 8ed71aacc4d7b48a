import { NNsight, type RunStats, save } from 'onnsight';
import { median, ratio, repeatInTurns } from '../measure.ts';
import { open, tokens } from '../plain.ts';
import { type Line, type Row, times } from '../row.ts';

/** Reading what all attentions give, and setting one, as the library has them run after some hundred runs, against the plain run. */
export const insideLayers: Row = async ({ model: { path, sizes }, effort, quick }) => {
  const session = await open(path);
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const { h } = model.transformer;
  const inputs = tokens(1, 16, sizes.vocabulary);
  let ran = '';
  const onStats = ({ dispatches }: RunStats) => {
    ran = dispatches[0]!.name;
  };
  const read = () =>
    model.trace(
      inputs.ours,
      () => {
        const all = [save(model.lm_head.output)];
        for (const layer of h) all.push(save(layer.attn.output));
        return all;
      },
      { onStats },
    );
  const set = () =>
    model.trace(
      inputs.ours,
      () => {
        h[sizes.layers / 2].attn.output *= 0.5;
        return save(model.lm_head.output);
      },
      { onStats },
    );
  const plain = () => session.run(inputs.plain);
  const lines: Line[] = [];
  for (const [what, ours] of [
    ['reads all attentions', read],
    ['scales one attention', set],
  ] as const) {
    let runs = 0;
    for (; runs < (quick ? 20 : 500) && !ran.includes('taps'); runs++) await ours();
    const turns = await repeatInTurns(ours, plain, effort);
    lines.push({
      what: `${what}, 1 × 16 tokens, in ${ran} after ${runs} runs`,
      result: ratio(turns),
      unit: '×',
      bar: 1.05,
      note: times(median(turns.ours), median(turns.plain)),
    });
    ran = '';
  }
  await model.release();
  await session.release();
  return lines;
};
