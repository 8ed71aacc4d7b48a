import { readFileSync } from 'node:fs';
import { LanguageModel, mean, norm, save } from 'onnsight';

// Run by every host in the same way: prints the results of some reference interventions as JSON.
const [folder, fixture] = process.argv.slice(2) as [string, string];
const { ids, cases } = JSON.parse(readFileSync(fixture, 'utf8'));
const lm = await LanguageModel.load(folder, { device: 'cpu' });
const inputs = { input_ids: [ids.clean] };

const scale = await lm.trace(inputs, () => {
  lm.transformer.h[1].output *= 0.5;
  return save(lm.lm_head.output['0, -1']);
});

const zeroLast = await lm.trace(inputs, () => {
  lm.transformer.h[2].mlp.output[':, -1'] = 0;
  return save(lm.lm_head.output['0, -1']);
});

const conditional = await lm.trace(inputs, () => {
  if (lm.transformer.h[0].output.norm() > cases.conditional.norm - 1) lm.transformer.h[1].output *= 0.5;
  else lm.transformer.h[1].output += 1;
  return save(lm.lm_head.output['0, -1']);
});

const loop = await lm.trace(inputs, () => {
  const rows = lm.transformer.h[1].output[0];
  const threshold = mean(norm(rows, -1));
  let sum = rows[0] * 0;
  let count = 0;
  for (const row of rows) {
    if (norm(row) <= threshold) continue;
    sum += row;
    count++;
  }
  lm.transformer.h[2].output += sum / count;
  return save(lm.lm_head.output['0, -1']);
});

const whileLoop = await lm.trace(inputs, () => {
  let x = lm.transformer.h[0].output;
  while (norm(x) > 20) x *= 0.7;
  lm.transformer.h[0].output = x;
  return save(lm.lm_head.output['0, -1']);
});

let stack = '';
try {
  await lm.trace(inputs, () => {
    lm.transformer.h[0].output = lm.transformer.h[0].output.view(7, 7);
  });
} catch (error) {
  stack = String(error);
}

const data = (tensor: { data: Float32Array }) => [...tensor.data];
console.log(
  JSON.stringify({
    scale: data(scale),
    zero_last: data(zeroLast),
    conditional: data(conditional),
    loop: data(loop),
    while: data(whileLoop),
    stack,
  }),
);
