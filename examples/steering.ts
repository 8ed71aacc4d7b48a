import { fileURLToPath } from 'node:url';
import { LanguageModel, mean, mul, save, softmax } from 'onnsight';
import { lines } from 'onnsight/plots';

/*
 * Steering during generation: a direction that means “in Tokyo rather than in London”, the difference of two mean
 * activations, is added at every step, with more and more strength.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const layer = lm.transformer.h[1];
const about = (places: readonly string[]) => places.map((place) => `The ${place} is in the city of`);

const direction = await lm.trace((tracer) => {
  const [tokyo, london] = [about(['Tokyo Tower', 'Senso-ji Temple']), about(['Big Ben', 'Tower Bridge'])].map(
    (prompts) => tracer.invoke(prompts, () => mean(layer.output[':, -1'], 0)),
  );
  return save(tokyo! - london!);
});

const prompt = 'You can visit the Big Ben in';
const strengths = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1];
const cities = ['London', 'Tokyo'];
const ids = cities.map((city) => lm.tokenizer.token_to_id(city)!);

console.log(`“${prompt} …”, steered towards Tokyo:\n`);
const shares: number[][] = [];
for (const strength of strengths) {
  const { texts, result } = await lm.generate(prompt, { maxNewTokens: 4 }, (tracer) => {
    for (const _ of tracer.iter()) layer.output[':, -1'] += mul(direction, strength);
    // The first step's logits of both cities.
    for (const _ of tracer.iter(0)) return save(softmax(lm.lm_head.output['0, -1'], -1).take(ids));
  });
  shares.push(Array.from(result!.data, Number));
  console.log(`strength ${strength.toFixed(2)}  ${texts[0]}`);
}

const file = process.argv[2] ?? 'out/steering.svg';
await lines({
  title: 'With enough of the direction, Big Ben is in Tokyo',
  subtitle: [
    `The next word after “${prompt} …” while “Tokyo − London” is added to layer 1`,
    'at the last token of every step',
  ],
  x: strengths,
  xTitle: 'strength',
  lines: cities.map((name, i) => ({ name, values: shares.map((row) => row[i]!) })),
  yTitle: 'probability',
  domain: [0, 1],
}).save(file);
console.log(`\nThe picture is in ${file}.`);
