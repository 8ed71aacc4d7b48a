import { fileURLToPath } from 'node:url';
import { type Envoy, LanguageModel, randn, save, softmax } from 'onnsight';
import { panels } from 'onnsight/plots';

/*
 * Causal tracing of a fact (Meng et al., 2022): the words of the subject are blurred by noise, and one state at a time
 * is put back as it was. Where that brings the city back, the model looks it up.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const prompt = 'The Eiffel Tower is in the city of';
const tokens = lm.tokenizer.encode(prompt).tokens;
const subject = `${tokens.indexOf('Eiffel')}:${tokens.indexOf('Tower') + 1}`;
const city = lm.tokenizer.token_to_id('Paris')!;
// As many draws of the noise.
const draws = Array<string>(6).fill(prompt);

const parts = ['layer output', 'MLP', 'attention'] as const;
const layers: Envoy[] = [...lm.transformer.h];
const partOf = (layer: Envoy, part: (typeof parts)[number]): Envoy =>
  ({ 'layer output': layer, MLP: layer.mlp, attention: layer.attn })[part];

const results = await lm.trace((tracer) => {
  const probability = () => {
    'use trace';
    return save(softmax(lm.lm_head.output[':, -1'], -1)[`:, ${city}`].mean());
  };
  const clean = tracer.invoke(prompt, () => ({
    probability: probability(),
    states: parts.map((part) => layers.map((layer) => partOf(layer, part).output)),
  }));
  const restored = parts.map((part, p) =>
    layers.map((layer, l) =>
      tokens.map((_, position) =>
        tracer.invoke(draws, () => {
          partOf(layer, part).output[`:, ${position}`] = clean.states[p]![l]![`:, ${position}`];
          return probability();
        }),
      ),
    ),
  );
  const blurred = tracer.invoke(draws, probability);
  // In all rows but the clean one, which is the first: noise three times as large as the embeddings, the same each time.
  tracer.invoke(() => {
    const words = lm.transformer.wte.output[`1:, ${subject}`];
    const noise = randn([draws.length, 2, 128], { seed: 1 });
    const times = parts.length * layers.length * tokens.length + 1;
    lm.transformer.wte.output[`1:, ${subject}`] += noise.repeat(times, 1, 1) * words.std() * 3;
  });
  return { clean: clean.probability, blurred, restored };
});

const percent = (value: number) => `${(value * 100).toFixed(0)} %`;
const [clean, blurred] = [results.clean.item(), results.blurred.item()];
console.log(
  `P(Paris) after “${prompt}”: ${percent(clean)}, with the subject blurred ${percent(blurred)}\n\nWhat brings it above 50 %:`,
);
const grids = parts.map((title, p) => ({
  title: `one ${title} put back`,
  values: results.restored[p]!.map((row) => row.map((value) => value.item())),
}));
for (const { title, values } of grids) {
  const found = values.flatMap((row, l) => row.map((value, position) => ({ value, l, position })));
  const best = found.filter(({ value }) => value > 0.5).sort((a, b) => b.value - a.value);
  const told = best.map(({ value, l, position }) => `layer ${l} at “${tokens[position]}” ${percent(value)}`);
  console.log(`${title.padEnd(25)} ${told.join(', ')}`);
}

const file = process.argv[2] ?? 'out/causal-mediation.svg';
await panels({
  title: 'After layer 0 the last token already holds the city: attention has brought it there',
  subtitle: [
    `P(Paris) after “${prompt} …” with “Eiffel Tower” blurred by noise and one state put back`,
    `Undisturbed ${percent(clean)}, blurred ${percent(blurred)}; mean of ${draws.length} draws`,
  ],
  panels: grids,
  across: 3,
  rows: layers.map((_, l) => `layer ${l}`),
  columns: tokens,
  valueTitle: 'P(Paris)',
  domain: [0, 1],
  cell: 30,
}).save(file);
console.log(`The picture is in ${file}.`);
