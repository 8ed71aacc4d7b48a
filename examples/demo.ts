import { fileURLToPath } from 'node:url';
import cliProgress from 'cli-progress';
import { LanguageModel, save, topk } from 'onnsight';
import { heatMap, printHeatMap } from 'onnsight/plots';

const folder = fileURLToPath(new URL('../models/toy-gpt2', import.meta.url));
const lm = await LanguageModel.load(folder);
console.log(`A GPT-2 with four layers, on ${lm.device}:\n\n${String(lm)}\n`);

// 1. Complete a sentence, before and after an intervention.
const prompt = 'The Eiffel Tower is in the city of';
const word = (id: number) => lm.tokenizer.id_to_token(id) ?? '?';

const before = await lm.trace(prompt, () => topk(lm.lm_head.output['0, -1'], 3).indices.save());
console.log(`${prompt} … ${Array.from(before.data, Number).map(word).join(' | ')}`);

// At the last word, put in what the first layer made of it in a sentence about the Colosseum.
const colosseum = await lm.trace('The Colosseum is in the city of', () => lm.transformer.h[0].output['0, -1'].save());
const after = await lm.trace(prompt, () => {
  lm.transformer.h[0].output['0, -1'] = colosseum;
  return topk(lm.lm_head.output['0, -1'], 3).indices.save();
});
console.log(
  `  … with the first layer's output taken from a sentence about the Colosseum: ${Array.from(after.data, Number).map(word).join(' | ')}\n`,
);

// 2. Activation patching: which activation makes the model answer Mary?
const clean = 'When Mary and John went to the store , John gave a drink to';
const corrupt = 'When Mary and John went to the store , Mary gave a drink to';
const tokens = lm.tokenizer.encode(clean).tokens;
const mary = lm.tokenizer.token_to_id('Mary')!;
const john = lm.tokenizer.token_to_id('John')!;
const layers = lm.transformer.h.length;

const saved = await lm.trace(clean, () => {
  const outputs = [];
  for (const layer of lm.transformer.h) outputs.push(save(layer.output));
  return outputs;
});

const bar = new cliProgress.SingleBar(
  { format: 'activation patching {bar} {value}/{total} runs', hideCursor: true },
  cliProgress.Presets.rect,
);
bar.start(layers * tokens.length, 0);
const grid: number[][] = [];
for (let layer = 0; layer < layers; layer++) {
  const row: number[] = [];
  for (let position = 0; position < tokens.length; position++) {
    const difference = await lm.trace(corrupt, () => {
      lm.transformer.h[layer].output[`:, ${position}`] = saved[layer]![`:, ${position}`];
      const logits = lm.lm_head.output['0, -1'];
      return save(logits[mary] - logits[john]);
    });
    row.push(difference.item());
    bar.increment();
  }
  grid.push(row);
}
bar.stop();

const map = {
  title: 'Who gets the drink? Layer 1 takes the answer from the repeated name to the last token',
  subtitle: `“${corrupt} …” with one activation taken from “… John gave a drink to …”`,
  rows: grid.map((_, layer) => `layer ${layer}`),
  rowTitle: 'layer output',
  columns: tokens,
  columnTitle: 'token position',
  values: grid,
  valueTitle: 'logit(Mary) − logit(John)',
};
console.log();
printHeatMap(map);
const file = process.argv[2] ?? 'out/demo.svg';
await heatMap(map).save(file);
console.log(`The picture is in ${file}.`);
