import { readFileSync, writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { LanguageModel } from 'onnsight';
import { interventions } from '../../reference/interventions.ts';
import { mistakes } from './mistakes.ts';
import { printed } from './printed.ts';

/*
 * Every host runs this in the same way, in the folder of the package: the reference interventions, blocks with mistakes,
 * and the programs named in PROGRAMS by their paths without extensions. The results go to the file RESULTS.
 */
const reference = JSON.parse(readFileSync('test/fixtures/toy-gpt2.json', 'utf8'));
const lm = await LanguageModel.load('models/toy-gpt2', { device: 'cpu' });

const values: Record<string, unknown> = {};
for (const [name, intervention] of Object.entries(interventions)) {
  const results = Object.entries(await intervention(lm, reference));
  values[name] = Object.fromEntries(
    results.map(([key, { dims, data }]) => [key, { dims, data: Array.from(data, Number) }]),
  );
}

const errors: Record<string, unknown> = {};
for (const [name, mistake] of Object.entries(mistakes)) {
  errors[name] = await mistake(lm, [reference.ids.clean]).then(
    () => null,
    ({ message, stack }: Error) => ({ message, stack }),
  );
}

const outputs: Record<string, string> = {};
for (const program of JSON.parse(process.env.PROGRAMS!)) {
  const file = new URL(`../../../${program}${extname(import.meta.url)}`, import.meta.url).href;
  outputs[program] = await printed(() => import(/* @vite-ignore */ file));
}

writeFileSync(process.env.RESULTS!, JSON.stringify({ values, errors, outputs }));
