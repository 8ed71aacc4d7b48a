import { fileURLToPath } from 'node:url';
import { backward, detach, LanguageModel, NNsight, save, sum, type Tensor } from 'onnsight';
import { heatMap } from 'onnsight/plots';
import { correlation } from './correlation.ts';

/*
 * Which features of a sparse autoencoder does an answer rest on? What the autoencoder leaves out is added back as an error
 * term, so that the model says what it always said; a feature's attribution is its strength times the gradient of the
 * answer by it: an estimate, from one backward pass, of what the answer would lose without it. Beside it the measured
 * loss, a forward pass for each feature.
 */
const folder = new URL('../models/', import.meta.url);
const lm = await LanguageModel.load(fileURLToPath(new URL('toy-gpt2', folder)));
const layer = lm.transformer.h[2];
layer.sae = await NNsight.load(fileURLToPath(new URL('toy-sae/model.onnx', folder)));

const places: readonly (readonly [name: string, city: string])[] = [
  ['Eiffel Tower', 'Paris'],
  ['Colosseum', 'Rome'],
  ['Big Ben', 'London'],
  ['Acropolis', 'Athens'],
  ['Kremlin', 'Moscow'],
  ['Hagia Sophia', 'Istanbul'],
];
const cities = places.map(([, city]) => lm.tokenizer.token_to_id(city)!);

/** The lead of a city over the mean of all. */
const lead = (city: number) => {
  'use trace';
  const logits = lm.lm_head.output['0, -1'];
  return logits[cities[city]!] - cities.reduce((total, id) => total + logits[id], 0) / cities.length;
};

interface Answer {
  readonly lead: number;
  /** [features], those of the last token. */
  readonly attribution: readonly number[];
  readonly ofError: number;
  /** What the answer loses without each of the features that are there. */
  readonly measured: ReadonlyMap<number, number>;
}

const answers: Answer[] = [];
for (const [i, [name]] of places.entries()) {
  const prompt = `The ${name} is in the city of`;
  const plain = await lm.trace(prompt, () => {
    const x = layer.output;
    const decoded = layer.sae(x);
    const error = detach(x - decoded);
    layer.output = decoded + error;
    const answer = lead(i);
    backward(answer);
    const features = layer.sae.features.output;
    return {
      lead: save(answer),
      features: save(features),
      error: save(error),
      attribution: save(features['0, -1'] * features.grad['0, -1']),
      ofError: save(sum(error['0, -1'] * error.grad['0, -1'])),
    };
  });
  const strengths = Array.from((plain.features['0, -1'] as Tensor).data, Number);
  const there = strengths.flatMap((strength, feature) => (strength > 0 ? [feature] : []));
  const without = await lm.session((session) =>
    there.map((feature) =>
      session.trace(prompt, () => {
        const decoded = layer.sae(layer.output);
        layer.sae.features.output[`:, -1, ${feature}`] = 0;
        layer.output = decoded + plain.error;
        return save(lead(i));
      }),
    ),
  );
  answers.push({
    lead: plain.lead.item(),
    attribution: Array.from(plain.attribution.data, Number),
    ofError: plain.ofError.item(),
    measured: new Map(there.map((feature, k) => [feature, plain.lead.item() - without[k]!.item()])),
  });
}

console.log('What the lead of each city over the others rests on, at the last token of “The … is in the city of”:');
for (const [i, { lead, attribution, ofError, measured }] of answers.entries()) {
  console.log(`\n${places[i]![1]}, ahead by ${lead.toFixed(2)}           estimated  measured`);
  for (const [feature, loss] of measured) {
    const row = [attribution[feature]!, loss].map((value) => value.toFixed(2).padStart(10)).join('');
    console.log(`  feature ${String(feature).padEnd(22)}${row}`);
  }
  console.log(`  ${'the error term'.padEnd(30)}${ofError.toFixed(2).padStart(10)}`);
}
const pairs = answers.flatMap(({ attribution, measured }) =>
  [...measured].map(([feature, loss]) => [attribution[feature]!, loss] as const),
);
const agreement = correlation(
  pairs.map(([estimate]) => estimate),
  pairs.map(([, loss]) => loss),
);
console.log(`\nThe correlation of estimates and measurements is ${agreement.toFixed(3)}.`);

// The features that matter to some answer, and the error term.
const SHOWN = 0.5;
const shown = [...new Set(answers.flatMap(({ measured }) => [...measured.keys()]))]
  .filter((feature) => answers.some(({ attribution }) => Math.abs(attribution[feature]!) >= SHOWN))
  .sort((a, b) => a - b);
const map = {
  title: 'One or two features carry each answer',
  subtitle: [
    'Attribution of each city’s lead to the features of a sparse autoencoder on layer 2, and to what it leaves out,',
    `at the last token of “The … is in the city of”; the correlation with ablations is ${agreement.toFixed(3)}`,
  ],
  rows: places.map(([name, city]) => `${name}: ${city}`),
  rowTitle: '',
  columns: [...shown.map(String), 'error'],
  columnTitle: `features of at least ${SHOWN} somewhere`,
  values: answers.map(({ attribution, ofError }) => [...shown.map((feature) => attribution[feature]!), ofError]),
  valueTitle: 'attribution',
} as const;
const file = process.argv[2] ?? 'out/sae-attribution.svg';
await heatMap(map).save(file);
console.log(`The picture is in ${file}.`);
