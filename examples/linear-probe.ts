import { fileURLToPath } from 'node:url';
import {
  Adam,
  add,
  backward,
  type Envoy,
  LanguageModel,
  matmul,
  mean,
  mul,
  Parameter,
  save,
  softplus,
  sum,
  Tensor,
} from 'onnsight';
import { lines } from 'onnsight/plots';

/*
 * A linear probe for each layer: from which layer on does the last token know who gets the drink? The states of 264
 * sentences come from one trace; the probes of all layers are trained together, in a block that reads no module.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const women = ['Mary', 'Anna', 'Sara', 'Emma', 'Kate', 'Lisa'];
const men = ['John', 'Tom', 'Peter', 'David', 'Mark', 'Paul'];
const names = [...women, ...men];
const pairs = names.flatMap((one) => names.filter((other) => other !== one).map((other) => [one, other] as const));
const sentences = pairs.flatMap(([one, other]) =>
  [other, one].map((giver) => `When ${one} and ${other} went to the store , ${giver} gave a drink to`),
);
// Whether a woman gets it: 1 or 0. Of every five pairs of names the first one is for the test.
const labels = pairs.flat().map((name) => Number(women.includes(name)));
const isTest = labels.map((_, i) => Math.floor(i / 2) % 5 === 0);

const layers: Envoy[] = [...lm.transformer.h];
const places = ['embedding', ...layers.map((_, l) => `layer ${l}`)];
const states = await lm.trace(sentences, () => [
  save(layers[0]!.input[':, -1']),
  ...layers.map((layer) => save(layer.output[':, -1'])),
]);

/** The rows of all layers that are for training, or for the test: [layers, rows, width]. */
const rowsOf = (test: boolean) =>
  Tensor.from(states.map((state) => (state.toArray() as number[][]).filter((_, i) => isTest[i] === test)));
const [training, held] = [rowsOf(false), rowsOf(true)];
const labelsOf = (test: boolean) => labels.filter((_, i) => isTest[i] === test);

const weight = new Parameter(Tensor.from(new Float32Array(places.length * 128), 'float32', [places.length, 128, 1]));
const bias = new Parameter(Tensor.from(new Float32Array(places.length), 'float32', [places.length, 1, 1]));
const scores = (rows: Tensor) => {
  'use trace';
  return add(matmul(rows, weight), bias).squeeze(-1);
};

const adam = new Adam([weight, bias], { lr: 0.01 });
const answers = Tensor.from(labelsOf(false));
let losses: readonly number[] = [];
// A block that reads no module: the model does not run, whatever its input is.
for (let step = 0; step < 100; step++) {
  const loss = await lm.trace(sentences[0]!, () => {
    const logits = scores(training);
    // The binary cross-entropy of each layer's probe, all added up: none depends on another's weights.
    const loss = mean(softplus(logits) - mul(logits, answers), -1);
    backward(sum(loss));
    return save(loss);
  });
  losses = Array.from(loss.data, Number);
  adam.step();
  adam.zeroGrad();
}

const tested = await lm.trace(sentences[0]!, () => save(scores(held)));
const right = (tested.toArray() as number[][]).map((row) => {
  const hits = labelsOf(true).filter((label, i) => row[i]! > 0 === (label === 1));
  return hits.length / row.length;
});
console.log(
  `Does a woman get the drink? Probes of the last token’s state, trained on ${training.dims[1]} sentences:\n`,
);
console.log(`${' '.repeat(12)}loss in training  right of ${held.dims[1]} others`);
for (const [i, place] of places.entries()) {
  console.log(
    `${place.padEnd(12)}${losses[i]!.toFixed(3).padStart(16)}${`${(100 * right[i]!).toFixed(0)} %`.padStart(20)}`,
  );
}

const file = process.argv[2] ?? 'out/linear-probe.svg';
await lines({
  title: 'From layer 1 on the last token knows who gets the drink',
  subtitle: [
    'How often a linear probe of the last token’s state is right about “When Mary and John went to',
    `the store , John gave a drink to …”: does a woman get it? ${held.dims[1]} sentences with other pairs of names`,
  ],
  x: places.map((_, i) => i),
  xTitle: '0: the embedding, 1 to 4: after each layer',
  lines: [
    { name: 'the probe', values: right },
    { name: 'by chance', values: right.map(() => 0.5) },
  ],
  yTitle: 'right',
  domain: [0, 1],
}).save(file);
console.log(`\nThe picture is in ${file}.`);
