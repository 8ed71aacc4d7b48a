import { fileURLToPath } from 'node:url';
import { type Envoy, LanguageModel, save } from 'onnsight';
import { panels } from 'onnsight/plots';

/*
 * Activation patching by component: where does the model keep who gets the drink, and which part moves it? Every output
 * of a layer, of its attention and of its MLP is taken from the clean sentence into the corrupt one, a token at a time.
 * All of it is one forward pass: each patched sentence is an invoke, and takes what it needs from the first one.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const clean = 'When Mary and John went to the store , John gave a drink to';
const corrupt = 'When Mary and John went to the store , Mary gave a drink to';
const tokens = lm.tokenizer.encode(clean).tokens;
const mary = lm.tokenizer.token_to_id('Mary')!;
const john = lm.tokenizer.token_to_id('John')!;

const parts = ['residual stream', 'attention', 'MLP'] as const;
const layers: Envoy[] = [...lm.transformer.h];
const partOf = (layer: Envoy, part: (typeof parts)[number]): Envoy =>
  ({ 'residual stream': layer, attention: layer.attn, MLP: layer.mlp })[part];

const results = await lm.trace((tracer) => {
  const difference = () => {
    'use trace';
    const logits = lm.lm_head.output[':, -1'];
    return save(logits[`:, ${mary}`] - logits[`:, ${john}`]);
  };
  const from = tracer.invoke(clean, () => ({
    difference: difference(),
    outputs: parts.map((part) => layers.map((layer) => partOf(layer, part).output)),
  }));
  const patched = parts.map((part, p) =>
    layers.map((layer, l) =>
      tokens.map((_, position) =>
        tracer.invoke(corrupt, () => {
          partOf(layer, part).output[`:, ${position}`] = from.outputs[p]![l]![`:, ${position}`];
          return difference();
        }),
      ),
    ),
  );
  return { clean: from.difference, corrupt: tracer.invoke(corrupt, difference), patched };
});

// 0: as in the corrupt sentence; 1: all of the clean sentence's answer is back.
const [low, high] = [results.corrupt.item(), results.clean.item()];
const grids = parts.map((title, p) => ({
  title,
  values: results.patched[p]!.map((row) => row.map((value) => (value.item() - low) / (high - low))),
}));

console.log(
  `logit(Mary) − logit(John): ${high.toFixed(2)} in the clean sentence, ${low.toFixed(2)} in the corrupt one\n`,
);
console.log('The patches that bring back more than half of the difference:');
for (const { title, values } of grids) {
  const found = values.flatMap((row, l) => row.map((value, position) => ({ value, l, position })));
  const best = found.filter(({ value }) => value > 0.5).sort((a, b) => b.value - a.value);
  const told = best.map(
    ({ value, l, position }) => `layer ${l} at “${tokens[position]}” ${(value * 100).toFixed(0)} %`,
  );
  console.log(`  ${title.padEnd(16)} ${told.join(', ')}`);
}

const file = process.argv[2] ?? 'out/activation-patching.svg';
await panels({
  title: 'Layer 1’s attention takes the answer from the repeated name to the last token',
  subtitle: [
    `“${corrupt} …”, with one output at one token taken from “… John gave a drink to …”`,
    '1: the answer of the clean sentence is back; 0: nothing has changed',
  ],
  panels: grids,
  across: 3,
  rows: layers.map((_, l) => `layer ${l}`),
  columns: tokens,
  valueTitle: 'recovered',
  domain: [-1, 1],
  cell: 22,
}).save(file);
console.log(`The picture is in ${file}.`);
