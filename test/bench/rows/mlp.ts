import { fileURLToPath } from 'node:url';
import { NNsight, save, Tensor } from 'onnsight';
import { Tensor as OrtTensor } from 'onnxruntime-node';
import { median, repeatInTurns, spread } from '../measure.ts';
import { open } from '../plain.ts';
import { type Row, times } from '../row.ts';

const MODEL = fileURLToPath(new URL('../../fixtures/zoo/mlp.ts.onnx', import.meta.url));

/** The time that a trace adds to a run that takes almost no time itself. */
export const mlp: Row = async (bench) => {
  const model = await NNsight.load(MODEL, { device: 'cpu', reuse: false });
  const session = await open(MODEL);
  const data = Float32Array.from({ length: 10 }, (_, i) => i / 10);
  const [x, feed] = [new Tensor('float32', [2, 5], data), new OrtTensor('float32', data, [2, 5])];
  const ours = () =>
    model.trace({ x }, () => {
      model.layer1.output *= 2;
      return save(model.layer2.output);
    });
  const plain = () => session.run({ x: feed });
  const turns = await repeatInTurns(ours, plain, { ...bench.effort, least: 10 });
  const added = turns.ours.map((ms, i) => ms - turns.plain[i]!);
  return [
    {
      what: 'a repeated trace on a small MLP adds',
      result: spread(added),
      unit: 'ms',
      bar: 0.05,
      note: times(median(turns.ours), median(turns.plain)),
    },
  ];
};
