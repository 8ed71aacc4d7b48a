import { fileURLToPath } from 'node:url';
import { type Envoy, LanguageModel, mean, save } from 'onnsight';
import { heatMap, printHeatMap } from 'onnsight/plots';

/*
 * Head ablation: which heads does the model need to tell who gets the gift? What a head writes is set to zero, one head
 * at a time, in eight sentences at once. All heads are invokes of one forward pass.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const heads = 4;
const pairs = [
  ['Mary', 'John'],
  ['Tom', 'Alice'],
  ['Paul', 'Anna'],
  ['Ruth', 'Mark'],
] as const;
// In either order: the one who is named once is the answer.
const cases = pairs.flatMap(([a, b]) => [
  { prompt: `When ${a} and ${b} went to the park , ${b} gave a book to`, answer: a, wrong: b },
  { prompt: `When ${a} and ${b} went to the park , ${a} gave a book to`, answer: b, wrong: a },
]);
const prompts = cases.map(({ prompt }) => prompt);
const ids = (names: readonly string[]) => names.map((name) => [lm.tokenizer.token_to_id(name)!]);
const answers = ids(cases.map(({ answer }) => answer));
const wrongs = ids(cases.map(({ wrong }) => wrong));

const results = await lm.trace((tracer) => {
  const difference = () => {
    'use trace';
    const logits = lm.lm_head.output[':, -1'];
    return save(mean(logits.gather(1, answers) - logits.gather(1, wrongs)));
  };
  const ablated = [...lm.transformer.h].map((layer: Envoy) =>
    Array.from({ length: heads }, (_, head) =>
      tracer.invoke(prompts, () => {
        // What the heads write, side by side, before the projection mixes them.
        layer.attn.c_proj.input.unflatten(-1, [heads, -1])[`..., ${head}, :`] = 0;
        return difference();
      }),
    ),
  );
  return { whole: tracer.invoke(prompts, difference), ablated };
});

const whole = results.whole.item();
const effects = results.ablated.map((row) => row.map((value) => value.item() - whole));
const all = effects.flatMap((row, layer) => row.map((effect, head) => ({ effect, name: `${layer}.${head}` })));
const [first, second] = all.sort((a, b) => a.effect - b.effect);

const map = {
  title: `Heads ${first!.name} and ${second!.name} matter most; layers 2 and 3 hardly do`,
  subtitle: [
    'What happens to logit(answer) − logit(other name) when one head writes nothing',
    `${whole.toFixed(1)} with all heads; mean of ${cases.length} sentences such as “${prompts[0]} …”`,
  ],
  rows: effects.map((_, layer) => `layer ${layer}`),
  rowTitle: '',
  columns: Array.from({ length: heads }, (_, head) => `head ${head}`),
  columnTitle: 'ablated head',
  values: effects,
  valueTitle: 'change',
  cellWidth: 64,
};
printHeatMap(map);
const file = process.argv[2] ?? 'out/head-ablation.svg';
await heatMap(map).save(file);
console.log(`The picture is in ${file}.`);
