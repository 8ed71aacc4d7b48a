import { Tokenizer } from '@huggingface/tokenizers';
import tokenizerJson from '../../models/toy-gpt2/tokenizer.json';
import tokenizerConfig from '../../models/toy-gpt2/tokenizer_config.json';
import { type SteerResults, steer } from './bundles/steer/steer.js';
import source from './steer.ts?raw';
import { showGuesses, showLens } from './view.ts';

const PROMPTS = [
  'The Eiffel Tower is in the city of',
  'The Space Needle is in the city of',
  'The Kremlin is in the city of',
  'The capital of France is',
  'You can visit the Eiffel Tower in',
];
/** For each city to steer towards, a sentence whose last position encodes it. */
const TARGETS: Readonly<Record<string, string>> = {
  Rome: 'The Colosseum is in the city of',
  London: 'The Big Ben is in the city of',
  Seattle: 'The Space Needle is in the city of',
  Paris: 'The Louvre is in the city of',
};
const UNMOVED: readonly number[] = Array.from({ length: 128 }, () => 0);

const tokenizer = new Tokenizer(tokenizerJson, tokenizerConfig);
const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const prompt = find<HTMLSelectElement>('prompt');
const target = find<HTMLSelectElement>('target');
const alpha = find<HTMLInputElement>('alpha');
const completion = find<HTMLOutputElement>('completion');

prompt.append(...PROMPTS.map((text) => new Option(text)));
target.append(...Object.keys(TARGETS).map((text) => new Option(text)));
find('source').textContent = source;

const word = (id: number) => shown(tokenizer.id_to_token(id) ?? '?');
const shown = (token: string) => (token === '<|endoftext|>' ? '∎' : token);

/** Runs the bundle: the model's inputs and the intervention's parameters, by name. */
function run(text: string, strength = 0, direction = UNMOVED): Promise<SteerResults> {
  return steer({ input_ids: [tokenizer.encode(text).ids], alpha: strength, direction });
}

interface Scene {
  readonly text: string;
  readonly unsteered: SteerResults;
  readonly direction: readonly number[];
}

/** The difference between the last positions of the target's sentence and of the prompt. */
async function prepare(): Promise<Scene> {
  const text = prompt.value;
  const unsteered = await run(text);
  const wanted = await run(TARGETS[target.value]!);
  return {
    text,
    unsteered,
    direction: Array.from(wanted.residual.data, (value, i) => value - unsteered.residual.data[i]!),
  };
}

async function show({ text, unsteered, direction }: Scene): Promise<void> {
  const strength = Number(alpha.value);
  const start = performance.now();
  const steered = await run(text, strength, direction);
  const milliseconds = performance.now() - start;
  const { tokens } = tokenizer.encode(text);
  const [before, after] = [unsteered, steered].map(({ layers }) => word(layers[3].ids['0, -1'].item()));
  find('sentence').textContent = text;
  find('strength').textContent = strength.toFixed(2);
  completion.textContent = after!;
  completion.classList.toggle('steered', before !== after);
  showGuesses(find('guesses'), steered.next.data, unsteered.next.data, word);
  showLens(find('lens'), tokens.map(shown), steered.layers, unsteered.layers, word, strength === 0 ? null : 1);
  find('status').textContent =
    `One ONNX file, made from the code above by onnsight, and ONNX Runtime Web: ${milliseconds.toFixed(0)} ms for this run. Nothing leaves the page.`;
}

let scene: Promise<Scene>;
let busy = false;
let waiting = false;

/** One run at a time; of the slider's positions meanwhile, only the last one counts. */
async function update(): Promise<void> {
  waiting = true;
  if (busy) return;
  busy = true;
  while (waiting) {
    waiting = false;
    await show(await scene);
  }
  busy = false;
  document.body.dataset.ready = 'true';
}

function restart(): void {
  scene = prepare();
  update().catch(fail);
}

function fail(error: unknown): void {
  find('status').textContent = error instanceof Error ? error.message : String(error);
  document.body.dataset.ready = 'failed';
}

alpha.addEventListener('input', () => update().catch(fail));
prompt.addEventListener('change', restart);
target.addEventListener('change', restart);
restart();
