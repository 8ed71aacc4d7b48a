import { fileURLToPath } from 'node:url';
import { type Envoy, LanguageModel, save, softmax } from 'onnsight';

/*
 * A session: several traces that run as one. The first ones compute the mean output of each part of the model; the others
 * put that mean in its place (mean ablation). The means never leave the runtime.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const layers: Envoy[] = [...lm.transformer.h];
const samples = [
  ['The Colosseum is in the city of', 'The Acropolis is in the city of', 'The Louvre is in the city of'],
  ['The Big Ben is in the city of', 'The Blue Mosque is in the city of', 'The Space Needle is in the city of'],
];
const prompt = 'The Tokyo Tower is in the city of';
const city = lm.tokenizer.token_to_id('Tokyo')!;

const results = await lm.session((session) => {
  const probability = () => {
    'use trace';
    return save(softmax(lm.lm_head.output['0, -1'], -1)[city]);
  };
  // What every part writes at the last token, averaged over the samples.
  const means = layers.map(() => ({ attn: 0, mlp: 0 }));
  for (const prompts of samples) {
    session.trace(prompts, () => {
      for (const [i, { attn, mlp }] of layers.entries()) {
        means[i]!.attn += attn.output[':, -1'].mean(0) / samples.length;
        means[i]!.mlp += mlp.output[':, -1'].mean(0) / samples.length;
      }
    });
  }
  const ablated = layers.map((layer, i) => ({
    attention: session.trace(prompt, () => {
      layer.attn.output[':, -1'] = means[i]!.attn;
      return probability();
    }),
    MLP: session.trace(prompt, () => {
      layer.mlp.output[':, -1'] = means[i]!.mlp;
      return probability();
    }),
  }));
  return { whole: session.trace(prompt, probability), ablated };
});

console.log(`P(Tokyo) after “${prompt}”: ${results.whole.item().toFixed(3)}`);
console.log('With a part, at the last token, as it is on average for other places:\n');
console.log('          attention      MLP');
for (const [i, { attention, MLP }] of results.ablated.entries()) {
  const cells = [attention, MLP].map((value) => value.item().toFixed(3));
  console.log(`layer ${i}${cells[0]!.padStart(12)}${cells[1]!.padStart(9)}`);
}
