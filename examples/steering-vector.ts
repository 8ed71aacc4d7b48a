import { fileURLToPath } from 'node:url';
import { Adam, backward, crossEntropy, LanguageModel, Parameter, save, softmax } from 'onnsight';
import { lines } from 'onnsight/plots';

/*
 * A steering vector by optimisation: which vector, added to layer 1 at the last token, makes the model say Rome? Each
 * step is a forward and a backward pass of the same compiled graph; Adam changes the vector between them.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const prompt = 'The Eiffel Tower is in the city of';
const cities = ['Paris', 'Rome'];
const ids = cities.map((city) => lm.tokenizer.token_to_id(city)!);
const rome = ids[1]!;
const layer = lm.transformer.h[1];

const vector = new Parameter(new Float32Array(128));
const adam = new Adam([vector], { lr: 0.05 });

console.log(`“${prompt} …”: probabilities while a vector is trained\n`);
console.log(`step    loss${cities.map((city) => city.padStart(9)).join('')}`);
const shares: number[][] = [];
for (let step = 0; step < 20; step++) {
  // The layers before the vector give the same at every step: they run no more from the third on.
  const { loss, likely } = await lm.trace(prompt, () => {
    layer.output[':, -1'] += vector;
    const logits = lm.lm_head.output[':, -1'];
    const loss = crossEntropy(logits, [rome]);
    backward(loss);
    return { loss: save(loss), likely: save(softmax(logits[0], -1).take(ids)) };
  });
  adam.step();
  adam.zeroGrad();
  const row = Array.from(likely.data, Number);
  shares.push(row);
  const cells = row.map((share) => share.toFixed(3).padStart(9));
  console.log(`${String(step).padStart(4)}${loss.item().toFixed(3).padStart(8)}${cells.join('')}`);
}

// The trained vector is data like any other: it steers a generation, and other prompts.
const steered = lm.edit(() => {
  layer.output[':, -1'] += vector;
});
const { texts } = await steered.generate([prompt, 'The Big Ben is in the city of'], { maxNewTokens: 1 });
console.log(`\nWith the vector: ${texts.join('; ')}`);

const file = process.argv[2] ?? 'out/steering-vector.svg';
await lines({
  title: 'A trained vector takes the Eiffel Tower to Rome',
  subtitle: [
    `The next word after “${prompt} …” while a vector at layer 1’s last token is trained`,
    'by Adam from zero, to make Rome likely',
  ],
  x: shares.map((_, step) => step),
  xTitle: 'step',
  lines: cities.map((name, i) => ({ name, values: shares.map((row) => row[i]!) })),
  yTitle: 'probability',
  domain: [0, 1],
}).save(file);
console.log(`The picture is in ${file}.`);
