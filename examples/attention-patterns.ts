import { fileURLToPath } from 'node:url';
import { type Envoy, LanguageModel, save } from 'onnsight';
import { panels } from 'onnsight/plots';

/*
 * Attention patterns: where every head looks. The sentence is one on which activation patching has shown that layer 1
 * brings the answer from the repeated name to the last token (activation-patching.ts): here are the heads that do it.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const prompt = 'When Mary and John went to the store , John gave a drink to';
const tokens = lm.tokenizer.encode(prompt).tokens;

const patterns = await lm.trace(prompt, () =>
  // [heads, from, to]
  [...lm.transformer.h].map((layer: Envoy) => save(layer.attn.ops.Softmax.output[0])),
);

const heads = patterns.flatMap((pattern, layer) =>
  (pattern.toArray() as number[][][]).map((values, head) => ({ title: `head ${layer}.${head}`, values })),
);

const looked = [tokens.indexOf('Mary'), tokens.indexOf('John'), tokens.lastIndexOf('John')] as const;
const table = heads.map(({ title, values }) => ({ title, to: looked.map((position) => values.at(-1)![position]!) }));
console.log(`Where the last token of “${prompt}” looks:\n`);
console.log('             Mary    John   John, again');
for (const { title, to } of table) {
  const [mary, john, again] = to.map((value) => `${(value * 100).toFixed(0)} %`);
  console.log(`${title}   ${mary!.padStart(6)}  ${john!.padStart(6)}  ${again!.padStart(12)}`);
}
// The heads whose last token gives more than half of its attention to the repeated name.
const again = table.filter(({ to }) => to[2]! > 0.5).map(({ title }) => title.replace('head ', ''));
console.log(`\nMore than half of it goes to the repeated name in the heads ${again.join(', ')}.`);

const file = process.argv[2] ?? 'out/attention-patterns.svg';
await panels({
  title: `From the last token, heads ${again.join(', ')} look at the repeated name`,
  subtitle: 'Attention from each token (rows) to those before it (columns); 1.2 is head 2 of layer 1',
  panels: heads,
  across: 4,
  rows: tokens,
  columns: tokens,
  valueTitle: 'attention',
  domain: [0, 1],
  cell: 13,
}).save(file);
console.log(`The picture is in ${file}.`);
