import { fileURLToPath } from 'node:url';
import { Adam, backward, div, LanguageModel, norm, Parameter, save, sub, sum } from 'onnsight';
import { lines } from 'onnsight/plots';

/*
 * A learned direction (distributed alignment search with one dimension): in which direction does layer 0 hold, at the
 * repeated name, who gives the drink? Of the clean sentence’s activation only the part along a direction goes into the
 * corrupt run; the direction is trained until that part alone brings the clean answer back.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const clean = 'When Mary and John went to the store , John gave a drink to';
const corrupt = 'When Mary and John went to the store , Mary gave a drink to';
const position = 10; // the repeated name
const mary = lm.tokenizer.token_to_id('Mary')!;
const john = lm.tokenizer.token_to_id('John')!;
const layer = lm.transformer.h[0];

const STEPS = 61;
const told = (value: number) => value.toFixed(3).padStart(7);

const difference = () => {
  'use trace';
  const logits = lm.lm_head.output['0, -1'];
  return logits[mary] - logits[john];
};

const donor = await lm.trace(clean, () => save(layer.output[`:, ${position}`]));
const [corrupted, whole] = await lm.trace((tracer) => [
  tracer.invoke(corrupt, () => save(difference())),
  tracer.invoke(corrupt, () => {
    layer.output[`:, ${position}`] = donor;
    return save(difference());
  }),
]);

const rotation = new Parameter(Float32Array.from({ length: 128 }, (_, i) => Math.cos(0.3 * i)));
const adam = new Adam([rotation], { lr: 0.05 });
const leads: number[] = [];
for (let step = 0; step < STEPS; step++) {
  const lead = await lm.trace(corrupt, () => {
    const direction = div(rotation, norm(rotation));
    const own = layer.output[`:, ${position}`];
    layer.output[`:, ${position}`] = own + sum(sub(donor, own) * direction, -1, true) * direction;
    const lead = difference();
    backward(-lead);
    return save(lead);
  });
  leads.push(lead.item());
  adam.step();
  adam.zeroGrad();
}

console.log('logit(Mary) − logit(John) in the sentence in which Mary gives:\n');
console.log(`  as it is                                   ${told(corrupted!.item())}`);
console.log(`  with the clean activation at “John”        ${told(whole!.item())}`);
for (const step of [0, 20, 40, 60]) {
  console.log(`  with its part along the direction, step ${String(step).padStart(2)} ${told(leads[step]!)}`);
}

const file = process.argv[2] ?? 'out/learned-direction.svg';
await lines({
  title: 'What lies along one learned direction brings the answer back',
  subtitle: [
    `“${corrupt} …”, with a part of layer 0’s activation`,
    'at the repeated name taken from “… John gave a drink to …”',
  ],
  x: leads.map((_, step) => step),
  xTitle: 'step',
  lines: [
    { name: 'along the direction', values: leads },
    { name: 'all of it', values: leads.map(() => whole!.item()) },
    { name: 'nothing', values: leads.map(() => corrupted!.item()) },
  ],
  yTitle: 'logit(Mary) − logit(John)',
  domain: [-15, 15],
}).save(file);
console.log(`\nThe picture is in ${file}.`);
