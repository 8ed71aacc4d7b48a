import { NNsight, save } from 'onnsight';
import { median, ratio, repeatInTurns } from '../measure.ts';
import { open, tokens } from '../plain.ts';
import { type Line, type Row, times } from '../row.ts';

/** Saving a part of what the model computes, against a full forward pass: the rest must not run. */
export const partial: Row = async ({ model: { path, sizes }, effort }) => {
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const session = await open(path);
  const parts = [
    { what: 'the first layer', part: () => save(model.transformer.h[0].output), bar: 0.15 },
    { what: 'the last position’s logits', part: () => save(model.lm_head.output['0, -1']), bar: 1 },
  ];
  const lines: Line[] = [];
  for (const { what, part, bar } of parts) {
    for (const length of [16, 128]) {
      const inputs = tokens(1, length, sizes.vocabulary);
      const ours = () => model.trace(inputs.ours, () => part());
      const plain = () => session.run(inputs.plain);
      await ours();
      await plain();
      const turns = await repeatInTurns(ours, plain, effort);
      lines.push({
        what: `saves only ${what}, 1 × ${length} tokens, against a full forward`,
        result: ratio(turns),
        unit: '×',
        bar,
        note: times(median(turns.ours), median(turns.plain)),
      });
    }
  }
  return lines;
};
