import { NNsight, save } from 'onnsight';
import { median, ratio, repeatInTurns } from '../measure.ts';
import { layerOutputs } from '../model/gpt2-model.ts';
import { mustAgree, open, tokens } from '../plain.ts';
import { type Line, type Row, times } from '../row.ts';

/** Saving every layer's output, again and again, against a model that has exactly these outputs. */
export const allLayers: Row = async (bench) => {
  const {
    model: { path, layers, sizes },
    effort,
  } = bench;
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const session = await open(layers);
  const names = layerOutputs(sizes);
  const lines: Line[] = [];
  for (const [batch, length] of [
    [1, 16],
    [1, 128],
    [8, 64],
  ] as const) {
    const inputs = tokens(batch, length, sizes.vocabulary);
    const ours = () =>
      model.trace(inputs.ours, () => {
        const outputs = [];
        for (const layer of model.transformer.h) outputs.push(save(layer.output));
        return outputs;
      });
    const plain = () => session.run(inputs.plain);
    const [saved, expected] = [await ours(), await plain()];
    names.forEach((name, i) => {
      mustAgree(name, saved[i]!, expected[name]!);
    });
    const turns = await repeatInTurns(ours, plain, effort);
    lines.push({
      what: `saves the outputs of all ${sizes.layers} layers, ${batch} × ${length} tokens`,
      result: ratio(turns),
      unit: '×',
      bar: 1.05,
      note: times(median(turns.ours), median(turns.plain)),
    });
  }
  return lines;
};
