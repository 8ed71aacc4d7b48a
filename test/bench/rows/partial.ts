import { NNsight, save } from 'onnsight';
import { inTurns, median, ratio, time } from '../measure.ts';
import { open, tokens } from '../plain.ts';
import { type Line, type Row, times } from '../row.ts';

/** Saving the first layer alone, against a full forward pass: what nobody asked for must not run. */
export const firstLayer: Row = async (bench) => {
  const {
    model: { path, sizes },
    effort,
  } = bench;
  const model = await NNsight.load(path, { device: 'cpu' });
  const session = await open(path);
  const lines: Line[] = [];
  for (const length of [16, 128]) {
    const inputs = tokens(1, length, sizes.vocabulary);
    const ours = () => model.trace(inputs.ours, () => save(model.transformer.h[0].output));
    const plain = () => session.run(inputs.plain);
    await ours();
    await plain();
    const turns = await inTurns(
      () => time(ours),
      () => time(plain),
      effort,
    );
    lines.push({
      what: `saves only the first layer, 1 × ${length} tokens, against a full forward`,
      result: ratio(turns),
      unit: '×',
      bar: 0.15,
      note: times(median(turns.ours), median(turns.plain)),
    });
  }
  return lines;
};
