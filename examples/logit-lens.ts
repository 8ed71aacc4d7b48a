import { fileURLToPath } from 'node:url';
import { LanguageModel, save, softmax } from 'onnsight';
import { heatMap, printHeatMap } from 'onnsight/plots';

/*
 * Logit lens (nostalgebraist, 2020): what would the model say if it stopped after this layer? The last norm and the
 * unembedding are run on the output of every layer, at every token.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const prompt = 'The Eiffel Tower is in the city of';
const tokens = lm.tokenizer.encode(prompt).tokens;

const lens = await lm.trace(prompt, () => {
  const { h, ln_f } = lm.transformer;
  const states = [h[0].input];
  for (const layer of h) states.push(layer.output);
  return states.map((state) => {
    const { values, indices } = softmax(lm.lm_head(ln_f(state)), -1)[0].max(-1);
    return { probabilities: save(values), ids: save(indices) };
  });
});

const probabilities = lens.map((layer) => Array.from(layer.probabilities.data, Number));
const words = lens.map((layer) => Array.from(layer.ids.data, (id) => lm.tokenizer.id_to_token(Number(id)) ?? '?'));
const names = lens.map((_, i) => (i === 0 ? 'embedding' : `layer ${i - 1}`));
const answer = words.at(-1)!.at(-1)!;
// The first layer that says it, as do all later ones.
const settled = words.findLastIndex((row) => row.at(-1) !== answer) + 1;

const map = {
  title: `From ${names[settled]} on, the last token says “${answer}”`,
  subtitle: `Logit lens on “${prompt} …”: the token that each layer would say next, and its probability`,
  rows: names,
  rowTitle: 'read after',
  columns: tokens,
  columnTitle: 'token',
  values: probabilities,
  valueTitle: 'probability',
  texts: words,
  domain: [0, 1],
  cellWidth: 86,
} as const;
printHeatMap(map);
const file = process.argv[2] ?? 'out/logit-lens.svg';
await heatMap(map).save(file);
console.log(`The picture is in ${file}.`);
