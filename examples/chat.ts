import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { LanguageModel, softmax, stack, type Tensor } from 'onnsight';

/*
 * Type the beginning of a sentence: the model goes on, and shows for every token, as it comes, what each layer would
 * have said. Without a terminal it completes a sentence of its own, or with the argument `-` the lines of its input.
 */
const lm = await LanguageModel.load(fileURLToPath(new URL('../models/toy-gpt2', import.meta.url)));
const { h, ln_f } = lm.transformer;
const end = lm.tokenizer.token_to_id('<|endoftext|>')!;
const word = (id: number) => lm.tokenizer.id_to_token(id) ?? '?';

/** Prints a token and, of each layer, the best guess with its probability. */
function show(probabilities: Tensor, ids: Tensor): Tensor {
  const guesses = Array.from(ids.data, (id, i) => `${word(Number(id))} ${percent(Number(probabilities.data[i]))}`);
  console.log(
    `${word(Number(ids.data.at(-1))).padEnd(16)}${guesses.map((guess) => guess.padEnd(20)).join('')}`.trimEnd(),
  );
  return probabilities;
}

const percent = (value: number) => `${(value * 100).toFixed(0)} %`;

async function complete(prompt: string): Promise<void> {
  const unknown = prompt.split(/\s+/).filter((text) => lm.tokenizer.token_to_id(text) === undefined);
  if (unknown.length > 0) {
    console.log(`This small model does not know: ${unknown.join(', ')}`);
    return;
  }
  const heads = Array.from({ length: h.length }, (_, i) => `layer ${i}`.padEnd(20));
  console.log(`\n${'next'.padEnd(16)}${heads.join('').trimEnd()}`);
  const { texts } = await lm.generate(prompt, { maxNewTokens: 6, stopTokens: [end] }, (tracer) => {
    for (const _ of tracer.iter()) {
      const states = [];
      for (const layer of h) states.push(layer.output[':, -1:']);
      const guesses = states.map((state) => softmax(lm.lm_head(ln_f(state))['0, 0'], -1).max(-1));
      const [values, indices] = [guesses.map((guess) => guess.values), guesses.map((guess) => guess.indices)];
      tracer.apply(show, stack(values), stack(indices)).save();
    }
  });
  console.log(`\n${prompt} ${texts[0]}\n`);
}

if (stdin.isTTY || process.argv[2] === '-') {
  console.log('Begin a sentence, such as “The Colosseum is in”. Ctrl+D ends.');
  const lines = createInterface({ input: stdin, output: stdout, prompt: '> ' });
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== '') await complete(line.trim());
    lines.prompt();
  }
} else {
  await complete('The Colosseum is in the city of');
}
