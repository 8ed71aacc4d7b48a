import { NNsight, save } from 'onnsight';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { median, ratio, repeatInTurns } from '../measure.ts';
import { open, tokens } from '../plain.ts';
import { type Line, type Row, times } from '../row.ts';

/** What every layer would say at the last position, against a plain run of the model. */
export const logitLens: Row = async ({ model: { path, sizes }, effort }) => {
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const session = await open(path);
  const { h, ln_f } = model.transformer;
  const lines: Line[] = [];
  for (const length of [16, 128]) {
    const inputs = tokens(1, length, sizes.vocabulary);
    const ours = () =>
      model.trace(inputs.ours, () => {
        const rows = [];
        for (const layer of h) rows.push(save(model.lm_head(ln_f(layer.output))['0, -1'].argmax()));
        return rows;
      });
    const plain = () => session.run(inputs.plain);
    const [says, { logits }] = [await ours(), await plain()];
    if (says.at(-1)!.item() !== likeliest(logits as OrtTensor)) throw new Error('the last layer says something else');
    const turns = await repeatInTurns(ours, plain, effort);
    lines.push({
      what: `logit lens over ${sizes.layers} layers at the last position, 1 × ${length} tokens, against a plain run`,
      result: ratio(turns),
      unit: '×',
      bar: 1.5,
      note: times(median(turns.ours), median(turns.plain)),
    });
  }
  return lines;
};

function likeliest({ data, dims }: OrtTensor): number {
  const row = (data as Float32Array).subarray(-dims[2]!);
  return row.indexOf(row.reduce((most, value) => Math.max(most, value)));
}
