import { Adam, backward, crossEntropy, matmul, mul, NNsight, Parameter, save, stack, sub, sum, Tensor } from 'onnsight';
import { inTurns, median, ratio, repeatInTurns, type Turns, time } from '../measure.ts';
import { open, tokens } from '../plain.ts';
import { type Bench, type Line, type Row, times } from '../row.ts';

const [ONE, OTHER] = [5, 6];
/** The positions of attribution patching, as in the row of activation patching. */
const POSITIONS = 16;
/** After so many runs the way forward keeps what the backward pass would take long to compute again. */
const OFTEN = 5;

/** What a backward pass costs: beside a forward pass, for attribution patching, and for a step of a training. */
export const gradients: Row = async (bench) => [
  ...(await beside(bench, 16)),
  ...(await beside(bench, 128)),
  await attribution(bench),
  await lowRankStep(bench),
];

/** Forward and backward at all layers to a plain forward pass: while a block is new, and once it runs often. */
async function beside({ model: { path, sizes }, effort }: Bench, length: number): Promise<Line[]> {
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const plain = await open(path);
  const { ours, plain: feeds } = tokens(1, length, sizes.vocabulary);
  const run = () =>
    model.trace(ours, () => {
      const logits = model.lm_head.output['0, -1'];
      backward(logits[ONE] - logits[OTHER]);
      const found = [];
      for (const layer of model.transformer.h) found.push(save(layer.output.grad));
      return found;
    });
  const plainly = () => plain.run(feeds);
  await plainly();
  await run();
  const seldom = await inTurns(
    () => time(run),
    () => time(plainly),
    { least: OFTEN - 1, most: OFTEN - 1, milliseconds: 0 },
  );
  for (let i = 0; i < 3; i++) await run();
  const often = await repeatInTurns(run, plainly, effort);
  const line = (when: string, turns: Turns<number>, bar: number): Line => ({
    what: `forward and backward at all ${sizes.layers} layers, ${when}, 1 × ${length} tokens, against a plain forward`,
    result: ratio(turns),
    unit: '×',
    bar,
    note: times(median(turns.ours), median(turns.plain)),
  });
  return [line(`run ${OFTEN} times or less`, seldom, 3.5), line('run often', often, 2.5)];
}

/** Attribution patching of all layers and positions to as many plain runs as activation patching needs. */
async function attribution({ model: { path, sizes }, effort }: Bench): Promise<Line> {
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const plain = await open(path);
  const clean = tokens(1, POSITIONS, sizes.vocabulary);
  const corrupt = tokens(1, POSITIONS, sizes.vocabulary, 1013);
  const run = async () => {
    const saved = await model.trace(clean.ours, () => {
      const outputs = [];
      for (const layer of model.transformer.h) outputs.push(save(layer.output));
      return outputs;
    });
    return model.trace(corrupt.ours, () => {
      const logits = model.lm_head.output['0, -1'];
      backward(logits[ONE] - logits[OTHER]);
      const scores = [];
      for (let i = 0; i < saved.length; i++) {
        const { output } = model.transformer.h[i];
        scores.push(sum(mul(sub(saved[i]!, output), output.grad), -1)[0]);
      }
      return save(stack(scores));
    });
  };
  for (let i = 0; i < OFTEN + 3; i++) await run();
  const runs = sizes.layers * POSITIONS;
  const turns = await repeatInTurns(run, () => plain.run(corrupt.plain), effort);
  return {
    what: `attribution patching, ${sizes.layers} layers × ${POSITIONS} positions, against ${runs} plain runs`,
    result: ratio({ ours: turns.ours, plain: turns.plain.map((milliseconds) => milliseconds * runs) }),
    unit: '×',
    bar: 0.04,
    note: times(median(turns.ours), median(turns.plain) * runs),
  };
}

/** A step of training a low-rank update in the middle of the model to a plain forward pass: what stands before it runs once for all steps. */
async function lowRankStep({ model: { path, sizes }, effort }: Bench): Promise<Line> {
  const model = await NNsight.load(path, { device: 'cpu' });
  const plain = await open(path);
  const { ours, plain: feeds } = tokens(1, POSITIONS, sizes.vocabulary);
  const layer = model.transformer.h[sizes.layers / 2];
  const rank = 4;
  const a = new Parameter(Tensor.from(new Float32Array(sizes.width * rank).fill(0.01), 'float32', [sizes.width, rank]));
  const b = new Parameter(Tensor.from(new Float32Array(4 * sizes.width * rank), 'float32', [rank, 4 * sizes.width]));
  const adam = new Adam([a, b], { lr: 0.01 });
  const targets = Array.from(ours.input_ids.data, Number).slice(1);
  const run = async () => {
    await model.trace(ours, () => {
      const { c_fc } = layer.mlp;
      c_fc.output += matmul(matmul(c_fc.input, a), b);
      const loss = crossEntropy(model.lm_head.output['0, :-1'], targets);
      backward(loss);
      return save(loss);
    });
    adam.step();
    adam.zeroGrad();
  };
  for (let i = 0; i < OFTEN + 3; i++) await run();
  const turns = await repeatInTurns(run, () => plain.run(feeds), effort);
  return {
    what: `a step of training a low-rank update at layer ${sizes.layers / 2}, 1 × ${POSITIONS} tokens, what stands before it reused, against a plain forward`,
    result: ratio(turns),
    unit: '×',
    bar: 1.5,
    note: times(median(turns.ours), median(turns.plain)),
  };
}
