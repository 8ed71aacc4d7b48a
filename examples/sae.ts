import { fileURLToPath } from 'node:url';
import { LanguageModel, NNsight, save } from 'onnsight';
import { heatMap, printHeatMap } from 'onnsight/plots';

/*
 * A sparse autoencoder as a module of the model: an ONNX file of its own, trained on what layer 2 writes. It tells which
 * feature stands for a city, and what the model says when that feature is held up.
 */
const folder = new URL('../models/', import.meta.url);
const lm = await LanguageModel.load(fileURLToPath(new URL('toy-gpt2', folder)));
const layer = lm.transformer.h[2];
layer.sae = await NNsight.load(fileURLToPath(new URL('toy-sae/model.onnx', folder)));

// A copy of the model in which the layer's output is the autoencoder's reconstruction.
const withSae = lm.edit(() => {
  layer.output = layer.sae(layer.output);
});
const { sae } = withSae.transformer.h[2];

// 1. What fires at the last token of a sentence about each place? [places, features]
const places: readonly (readonly [name: string, city: string])[] = [
  ['Eiffel Tower', 'Paris'],
  ['Louvre', 'Paris'],
  ['Colosseum', 'Rome'],
  ['Pantheon', 'Rome'],
  ['Big Ben', 'London'],
  ['Tower Bridge', 'London'],
  ['Acropolis', 'Athens'],
  ['Parthenon', 'Athens'],
  ['Kremlin', 'Moscow'],
  ['Red Square', 'Moscow'],
  ['Blue Mosque', 'Istanbul'],
  ['Hagia Sophia', 'Istanbul'],
];
const about = (place: string) => `The ${place} is in the city of`;
const prompts = places.map(([name]) => about(name));
const features = await withSae.trace(prompts, () => save(sae.features.output[':, -1']));
const strengths = features.toArray() as number[][];

// 2. The feature of a city: it fires at both of its places, and as little as possible elsewhere.
const cities = [...new Set(places.map(([, city]) => city))];
const found = cities.map((city) => {
  const candidates = strengths[0]!.map((_, feature) => {
    const at = (isHere: boolean) =>
      places.flatMap(([, other], i) => ((other === city) === isHere ? [strengths[i]![feature]!] : []));
    const [here, elsewhere] = [Math.min(...at(true)), Math.max(...at(false))];
    return { city, feature, here, elsewhere, lead: here - elsewhere };
  });
  return candidates.reduce((a, b) => (b.lead > a.lead ? b : a));
});
const own = found.filter(({ lead }) => lead > 0);
const clearest = own.reduce((a, b) => (b.lead > a.lead ? b : a));

const values = own.map(({ feature }) => strengths.map((row) => row[feature]!));
const map = {
  title: `Feature ${clearest.feature} is ${clearest.city}`,
  subtitle: [
    'Features of a sparse autoencoder on layer 2 at the last token of “The … is in the city of”:',
    `${own.length} of ${cities.length} cities have one that is strongest at both of their places`,
  ],
  rows: own.map(({ city, feature }) => `${feature} (${city})`),
  rowTitle: 'feature',
  columns: places.map(([name]) => name),
  columnTitle: '',
  values,
  valueTitle: 'strength',
  domain: [0, Math.ceil(Math.max(...values.flat()))],
} as const;
printHeatMap(map);

// 3. Hold that feature at the last token, in further copies of the model: a generation does so at every step.
const hold = (strength: number) =>
  withSae.edit(() => {
    sae.features.output[`:, -1, ${clearest.feature}`] = strength;
  });
const high = Math.ceil(1.25 * Math.max(...strengths.map((row) => row[clearest.feature]!)));
const texts: (readonly string[])[] = [];
for (const model of [lm, withSae, hold(0), hold(high)]) {
  texts.push((await model.generate(prompts, { maxNewTokens: 1 })).texts);
}
console.log(`What comes after “${about('…')}”, with feature ${clearest.feature} held at nothing and at ${high}:\n`);
const line = (cells: readonly string[]) =>
  console.log(
    cells
      .map((cell) => cell.padEnd(15))
      .join('')
      .trimEnd(),
  );
line(['', 'the model', 'through SAE', 'held at 0', `held at ${high}`]);
for (const [i, [name]] of places.entries()) line([name, ...texts.map((column) => column[i]!)]);

const file = process.argv[2] ?? 'out/sae.svg';
await heatMap(map).save(file);
console.log(`\nThe picture is in ${file}.`);
