import { NNsight, save } from 'onnsight';
import { inTurns, median, ratio, time } from '../measure.ts';
import { open, tokens } from '../plain.ts';
import { type Line, type Row, times } from '../row.ts';

/** Scaling one layer, again and again, against the plain run. */
export const scale: Row = async (bench) => {
  const {
    model: { path, sizes },
    effort,
  } = bench;
  const model = await NNsight.load(path, { device: 'cpu' });
  const session = await open(path);
  const layer = model.transformer.h[sizes.layers / 2];
  const lines: Line[] = [];
  for (const length of [16, 128]) {
    const inputs = tokens(1, length, sizes.vocabulary);
    const ours = () =>
      model.trace(inputs.ours, () => {
        layer.output *= 0.5;
        return save(model.lm_head.output);
      });
    const plain = () => session.run(inputs.plain);
    await ours();
    await plain();
    const turns = await inTurns(
      () => time(ours),
      () => time(plain),
      effort,
    );
    lines.push({
      what: `scales one layer, 1 × ${length} tokens`,
      result: ratio(turns),
      unit: '×',
      bar: 1.05,
      note: times(median(turns.ours), median(turns.plain)),
    });
  }
  return lines;
};
