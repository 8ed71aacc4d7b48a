import { fileURLToPath } from 'node:url';
import {
  backward,
  detach,
  type Envoy,
  LanguageModel,
  mean,
  NNsight,
  rsqrt,
  save,
  square,
  sum,
  type Tensor,
  type Traced,
} from 'onnsight';
import { type DiagramEdge, type DiagramNode, diagram } from 'onnsight/plots';

/*
 * An attribution graph: how an answer comes about, from the words over the features of a sparse autoencoder. With the
 * attention patterns and the scales of the norms frozen, and every MLP's output taken as given, what is left of the model
 * is linear: a value times the gradient by it is its direct effect, and all direct effects add up to what they act on.
 */
const folder = new URL('../models/', import.meta.url);
const lm = await LanguageModel.load(fileURLToPath(new URL('toy-gpt2', folder)));
const layers: Envoy[] = [...lm.transformer.h];
const SAE = 2;
const layer = lm.transformer.h[SAE];
layer.sae = await NNsight.load(fileURLToPath(new URL('toy-sae/model.onnx', folder)));

const prompt = 'The Kremlin is in the city of';
const answer = 'Moscow';
const tokens = lm.tokenizer.encode(prompt).tokens;
const last = tokens.length - 1;
const EPSILON = 1e-5;

/** A norm whose scale is a constant. Gives its bias. */
const freezeNorm = (norm: Envoy): Traced => {
  'use trace';
  const x = norm.input;
  const centred = x - mean(x, -1, true);
  const scale = detach(rsqrt(mean(square(centred), -1, true) + EPSILON));
  const { weight, bias } = norm;
  norm.output = centred * scale * weight + bias;
  return bias;
};

/** Makes some layers linear: their patterns, the scales of their norms and what their MLPs write are constants. Gives their biases. */
const freeze = (some: readonly Envoy[]): Traced[] =>
  some.flatMap(({ attn, ln_1, mlp }) => {
    'use trace';
    const { Softmax } = attn.ops;
    Softmax.output = detach(Softmax.output);
    mlp.output = detach(mlp.output);
    return [freezeNorm(ln_1), attn.c_attn.bias, attn.c_proj.bias];
  });

/** A value times the gradient by it, added up: over the width, or over everything. */
const effectOf = (x: Traced) => {
  'use trace';
  return sum(x * x.grad, -1)[0];
};
const effectOfAll = (values: readonly Traced[]) => {
  'use trace';
  return values.reduce((total, x) => total + sum(x * x.grad), 0);
};

// 1. From the features, what the autoencoder leaves out, the last MLP and the biases to the answer's logit.
const top = await lm.trace(prompt, () => {
  const x = layer.output;
  const decoded = layer.sae(x);
  const error = detach(x - decoded);
  layer.output = decoded + error;
  const behind = layers.slice(SAE + 1);
  const biases = [...freeze(behind), freezeNorm(lm.transformer.ln_f), layer.sae.decoder.bias];
  const logit = lm.lm_head.output['0, -1'][lm.tokenizer.token_to_id(answer)!];
  backward(logit);
  const features = layer.sae.features.output;
  return {
    logit: save(logit),
    features: save(features[0] * features.grad[0]),
    error: save(effectOf(error)),
    mlps: behind.map(({ mlp }) => save(effectOf(mlp.output))),
    biases: save(effectOfAll(biases)),
  };
});

// 2. From the words, the MLPs before the autoencoder and the biases to its strongest features.
const KEPT = 6;
const ofFeatures = top.features.toArray() as number[][];
const strongest = ofFeatures
  .flatMap((row, position) => row.map((effect, feature) => ({ position, feature, effect })))
  .sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect))
  .slice(0, KEPT);
const before = layers.slice(0, SAE + 1);
const causes = await lm.trace(prompt, () => {
  layer.sae(layer.output);
  const biases = [...freeze(before), layer.sae.encoder.bias];
  return strongest.map(({ position, feature }) => {
    const strength = layer.sae.encoder.output[`0, ${position}, ${feature}`];
    backward(strength);
    return {
      strength: save(strength),
      words: save(effectOf(layers[0]!.input)),
      mlps: before.map(({ mlp }) => save(effectOf(mlp.output))),
      biases: save(effectOfAll(biases)),
    };
  });
});

const numbers = (tensor: Tensor) => Array.from(tensor.data, Number);
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const ofError = numbers(top.error);
const ofMlps = top.mlps.map(numbers);
const parts = [
  ['features', total(ofFeatures.flat())],
  ['what they leave out', total(ofError)],
  ['MLP 3', total(ofMlps.flat())],
  ['biases', top.biases.item()],
] as const;
console.log(`“${prompt}” … ${answer}. The direct effects on its logit:\n`);
for (const [name, effect] of parts) console.log(`  ${name.padEnd(22)}${effect.toFixed(3).padStart(9)}`);
const sumOfAll = total(parts.map(([, effect]) => effect));
console.log(`  ${'all of them'.padEnd(22)}${sumOfAll.toFixed(3).padStart(9)}`);
console.log(`  ${'the logit'.padEnd(22)}${top.logit.item().toFixed(3).padStart(9)}\n`);

console.log('The strongest features, and the direct effects on what their encoder gives:\n');
console.log(`  ${'feature'.padEnd(16)}   effect    words     MLPs   biases      all  encoder`);
const paths = strongest.map((one, i) => {
  const { strength, words, mlps, biases } = causes[i]!;
  return { ...one, strength: strength.item(), words: numbers(words), mlps: mlps.map(numbers), biases: biases.item() };
});
for (const { feature, position, effect, words, mlps, biases, strength } of paths) {
  const [ofWords, ofAll] = [total(words), total(mlps.flat())];
  const columns = [effect, ofWords, ofAll, biases, ofWords + ofAll + biases, strength];
  const name = `${feature} at “${tokens[position]}”`;
  console.log(`  ${name.padEnd(16)}${columns.map((value) => value.toFixed(3).padStart(9)).join('')}`);
}

// The picture: the strongest effects of each kind.
const ROWS = ['words', ...before.map((_, i) => `MLP ${i}`), 'features', 'MLP 3', 'logit'];
const [FEATURES, LAST_MLP, LOGIT] = [ROWS.indexOf('features'), ROWS.indexOf('MLP 3'), ROWS.indexOf('logit')];
const found = new Map<string, DiagramNode>();
const nodeAt = (column: number, row: number, label = ''): DiagramNode => {
  const known = found.get(`${column} ${row}`) ?? { column, row, label };
  found.set(`${column} ${row}`, known);
  return known;
};
const logit = nodeAt(last, LOGIT, `${answer} ${top.logit.item().toFixed(1)}`);
const least = 0.04 * top.logit.item();
const edges: DiagramEdge[] = [];
const link = (from: DiagramNode, to: DiagramNode, value: number) => edges.push({ from, to, value });
// A feature that shares its token with others stands beside them.
const beside = new Map<number, number>();
for (const { feature, position, effect, words, mlps } of paths) {
  const nth = beside.get(position) ?? 0;
  beside.set(position, nth + 1);
  const node = nodeAt(position - 0.34 * nth, FEATURES, String(feature));
  link(node, logit, effect);
  for (const [row, values] of [words, ...mlps].entries()) {
    for (const [column, value] of values.entries()) if (Math.abs(value) > least) link(nodeAt(column, row), node, value);
  }
}
for (const [column, value] of ofMlps[0]!.entries())
  if (Math.abs(value) > least) link(nodeAt(column, LAST_MLP), logit, value);
for (const [column, value] of ofError.entries()) {
  if (Math.abs(value) > least) link(nodeAt(column + 0.34, FEATURES, 'error'), logit, value);
}
const file = process.argv[2] ?? 'out/attribution-graph.svg';
await diagram({
  title: `How the model comes to “${answer}”`,
  subtitle: [
    `“${prompt}”: direct effects on the answer’s logit and on the strongest features of layer ${SAE},`,
    `with attention and norms frozen; of the others those of at least ${least.toFixed(2)}. All add up to ${sumOfAll.toFixed(2)}, the logit`,
  ],
  rows: ROWS,
  columns: tokens,
  nodes: [...found.values()],
  edges,
  valueTitle: 'effect',
}).save(file);
console.log(`\nThe picture is in ${file}.`);
