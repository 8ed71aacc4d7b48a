import { fileURLToPath } from 'node:url';
import { add, backward, LanguageModel, mean, mul, save, sub, sum, Tensor } from 'onnsight';
import { heatMap } from 'onnsight/plots';

/*
 * Integrated gradients: which tokens make the answer? The token embeddings go in a straight line from a baseline to the
 * sentence; the gradients along the line, averaged, times the way, are each token's share. All steps of the line are the
 * rows of one batch, with one backward pass. The shares add up to the change of the answer (completeness).
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const sentence = 'When Mary and John went to the store , John gave a drink to';
const other = 'When Mary and John went to the store , Mary gave a drink to';
const tokens = lm.tokenizer.encode(sentence).tokens;
const mary = lm.tokenizer.token_to_id('Mary')!;
const john = lm.tokenizer.token_to_id('John')!;
const { wte } = lm.transformer;

const difference = () => {
  'use trace';
  const logits = lm.lm_head.output[':, -1'];
  return logits[`:, ${mary}`] - logits[`:, ${john}`];
};

/** Each token's share of what changes on the way from embeddings `start` [1, tokens, width] to the sentence. */
async function shares(start: Tensor, steps: number) {
  const middles = Tensor.from(
    Array.from({ length: steps }, (_, i) => (i + 0.5) / steps),
    'float32',
    [steps, 1, 1],
  );
  const batch = Array.from({ length: steps }, () => sentence);
  return lm.session((session) => {
    const scores = session.trace(batch, () => {
      const way = sub(wte.output, start);
      wte.output = add(start, mul(way, middles));
      backward(sum(difference()));
      return save(mean(sum(way * wte.output.grad, -1), 0));
    });
    const before = session.trace(sentence, () => {
      wte.output = start;
      return save(difference());
    });
    const after = session.trace(sentence, () => save(difference()));
    return { scores, before, after };
  });
}

const embeddings = await lm.trace(other, () => save(wte.output));
const nothing = Tensor.from(new Float32Array(embeddings.data.length), 'float32', embeddings.dims);
const found = [
  { name: '“Mary gave”', ...(await shares(embeddings, 8)) },
  { name: 'nothing', ...(await shares(nothing, 256)) },
];

for (const { name, scores, before, after } of found) {
  const total = Array.from(scores.data, Number).reduce((a, b) => a + b, 0);
  const change = after.item() - before.item();
  console.log(`From ${name} to the sentence, logit(Mary) − logit(John) changes by ${change.toFixed(3)}.`);
  console.log(`The shares of the tokens add up to ${total.toFixed(3)}:`);
  const told = tokens.map((token, i) => `${token} ${Number(scores.data[i]).toFixed(2)}`);
  console.log(`  ${told.join(', ')}\n`);
}

const file = process.argv[2] ?? 'out/integrated-gradients.svg';
await heatMap({
  title: 'The repeated name decides who gets the drink',
  subtitle: [
    `Integrated gradients of logit(Mary) − logit(John) after “${sentence} …”`,
    'on the way from a sentence in which Mary gives, and from empty embeddings',
  ],
  rows: found.map(({ name }) => name),
  rowTitle: 'from',
  columns: tokens,
  columnTitle: '',
  values: found.map(({ scores }) => Array.from(scores.data, Number)),
  valueTitle: 'share',
}).save(file);
console.log(`The picture is in ${file}.`);
