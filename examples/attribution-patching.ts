import { fileURLToPath } from 'node:url';
import { backward, type Envoy, LanguageModel, save, sum } from 'onnsight';
import { panels } from 'onnsight/plots';
import { correlation } from './correlation.ts';

/*
 * Attribution patching beside activation patching. Activation patching runs the corrupt sentence once for each layer and
 * token, with that one activation taken from the clean sentence. Attribution patching estimates all of these effects from
 * one backward pass: what the activation would change by, times the gradient of the answer by it.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const clean = 'When Mary and John went to the store , John gave a drink to';
const corrupt = 'When Mary and John went to the store , Mary gave a drink to';
const tokens = lm.tokenizer.encode(clean).tokens;
const mary = lm.tokenizer.token_to_id('Mary')!;
const john = lm.tokenizer.token_to_id('John')!;
const layers: Envoy[] = [...lm.transformer.h];

const difference = () => {
  'use trace';
  const logits = lm.lm_head.output['0, -1'];
  return save(logits[mary] - logits[john]);
};

const { attribution, patched, before } = await lm.session((session) => {
  const donors = session.trace(clean, () => layers.map((layer) => layer.output));
  // One forward and one backward pass for all layers and tokens.
  const attribution = session.trace(corrupt, () => {
    backward(difference());
    return layers.map((layer, l) => save(sum((donors[l]! - layer.output) * layer.output.grad, -1)));
  });
  // A forward pass for each of them.
  const patched = layers.map((layer, l) =>
    tokens.map((_, position) =>
      session.trace(corrupt, () => {
        layer.output[`:, ${position}`] = donors[l]![`:, ${position}`];
        return difference();
      }),
    ),
  );
  return { attribution, patched, before: session.trace(corrupt, difference) };
});

const estimates = attribution.map((row) => Array.from(row.data, Number));
const effects = patched.map((row) => row.map((after) => after.item() - before.item()));

console.log('Effects on logit(Mary) − logit(John), estimated by attribution and measured by activation patching:\n');
for (const [l, row] of effects.entries()) {
  for (const [position, effect] of row.entries()) {
    if (Math.abs(effect) < 0.5) continue;
    const estimate = estimates[l]![position]!;
    const where = `layer ${l} at “${tokens[position]}”`;
    console.log(`  ${where.padEnd(18)}${estimate.toFixed(2).padStart(7)}${effect.toFixed(2).padStart(8)}`);
  }
}
const agreement = correlation(estimates.flat(), effects.flat());
console.log(`\nTheir correlation over all ${estimates.flat().length} places is ${agreement.toFixed(3)}.`);

const most = Math.ceil(Math.max(...[...estimates, ...effects].flat().map(Math.abs)));
const file = process.argv[2] ?? 'out/attribution-patching.svg';
await panels({
  title: 'One backward pass finds the places that sixty patches find',
  subtitle: [
    `“${corrupt} …”, towards “… John gave a drink to …”: change of logit(Mary) − logit(John)`,
    `The correlation of the two is ${agreement.toFixed(3)}; the gradient makes too little of the repeated name in layer 0`,
  ],
  panels: [
    { title: 'attribution patching', values: estimates },
    { title: 'activation patching', values: effects },
  ],
  across: 2,
  rows: layers.map((_, l) => `layer ${l}`),
  columns: tokens,
  valueTitle: 'effect',
  domain: [-most, most],
  cell: 26,
}).save(file);
console.log(`The picture is in ${file}.`);
