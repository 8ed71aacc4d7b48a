/*
 * Runs a model forward, or forward and backward at all layers, until it does so as it does often, and prints how much
 * memory the process holds: forward|backward model.onnx tokens vocabulary.
 */
import { readFileSync } from 'node:fs';
import { backward, NNsight, save } from 'onnsight';
import { tokens } from './plain.ts';

const RUNS = 9;
const KILOBYTE = 1024;

const [kind, path, length, vocabulary] = process.argv.slice(2);
const { ours } = tokens(1, Number(length), Number(vocabulary));
const model = await NNsight.load(path!, { device: 'cpu', reuse: false });
for (let run = 0; run < RUNS; run++) await (kind === 'forward' ? forward() : back());
globalThis.gc?.();
// Pages of the model's file that two sessions have mapped are in memory once, as Pss counts them; anonymous memory is all else.
const status = readFileSync('/proc/self/smaps_rollup', 'utf8');
const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)![1]) * KILOBYTE;
console.log(JSON.stringify({ resident: bytes('Pss'), anonymous: bytes('Anonymous') }));

function forward() {
  return model.trace(ours, () => {
    const logits = model.lm_head.output['0, -1'];
    const found = [save(logits[5] - logits[6])];
    for (const layer of model.transformer.h) found.push(save(layer.output));
    return found;
  });
}

function back() {
  return model.trace(ours, () => {
    const logits = model.lm_head.output['0, -1'];
    backward(logits[5] - logits[6]);
    const found = [];
    for (const layer of model.transformer.h) found.push(save(layer.output.grad));
    return found;
  });
}
