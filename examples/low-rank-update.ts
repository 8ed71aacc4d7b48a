import { fileURLToPath } from 'node:url';
import { Adam, backward, crossEntropy, LanguageModel, matmul, Parameter, save, Tensor } from 'onnsight';
import { lines } from 'onnsight/plots';

/*
 * A low-rank update of one layer (LoRA): the model's weights stay as they are, and two thin matrices beside one of them
 * are trained. The update is an edit of the model, and the training traces the edited model.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const sentence = 'When Mary and John went to the store , John gave a drink to';
const ids = lm.tokenizer.encode(sentence).ids;
const { c_fc } = lm.transformer.h[1].mlp; // 128 inputs, 512 outputs
const rank = 4;

// The first factor may be anything but zero; the second one is zero, so that the training begins at the model itself.
const start = Float32Array.from({ length: 128 * rank }, (_, i) => 0.05 * Math.cos(0.7 * i));
const a = new Parameter(Tensor.from(start, 'float32', [128, rank]));
const b = new Parameter(Tensor.from(new Float32Array(rank * 512), 'float32', [rank, 512]));
const updated = lm.edit(() => {
  c_fc.output += matmul(matmul(c_fc.input, a), b);
});

/** The mean loss of a sentence's next tokens. */
const lossOf = (model: LanguageModel, next: readonly number[]) => {
  'use trace';
  return crossEntropy(model.lm_head.output['0, :-1'], next);
};

const adam = new Adam([a, b], { lr: 0.01 });
const losses: number[] = [];
for (let step = 0; step < 61; step++) {
  const loss = await updated.trace(sentence, () => {
    const loss = lossOf(updated, ids.slice(1));
    backward(loss);
    return save(loss);
  });
  losses.push(loss.item());
  adam.step();
  adam.zeroGrad();
}

const unchanged = await lm.trace(sentence, () => save(lossOf(lm, ids.slice(1))));
console.log(`${rank * (128 + 512)} numbers beside the ${128 * 512} of transformer.h.1.mlp.c_fc are trained.`);
console.log('The loss of the sentence:');
for (const step of [0, 10, 20, 30, 40, 50, 60]) {
  console.log(`  after ${String(step).padStart(2)} steps  ${losses[step]!.toFixed(3)}`);
}
console.log(`Without the update it is still ${unchanged.item().toFixed(3)}.`);

const file = process.argv[2] ?? 'out/low-rank-update.svg';
await lines({
  title: 'Two thin matrices learn a sentence; the model’s own weights stay',
  subtitle: [
    `The mean loss of the next token in “${sentence}”`,
    `while an update of rank ${rank} of one MLP matrix is trained by Adam`,
  ],
  x: losses.map((_, step) => step),
  xTitle: 'step',
  lines: [
    { name: 'updated', values: losses },
    { name: 'the model', values: losses.map(() => unchanged.item()) },
  ],
  yTitle: 'loss',
  domain: [0, 1.1],
}).save(file);
console.log(`The picture is in ${file}.`);
