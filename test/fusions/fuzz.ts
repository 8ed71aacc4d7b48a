import { compare } from './compare.ts';
import { pairs, randomPrograms } from './pairs.ts';
import type { Operands } from './program.ts';

/*
 * Looks for faults of ONNX Runtime's optimiser: every operation of a block in front of every other, with operators of
 * models before and behind, and longer programs by chance. `npm run fuzz:fusions`, with `-- --seed n` for others,
 * `--times n` for every pair so often, `--random n` for so many longer ones, `--from n` to go on where a run was ended,
 * `--count n` for so many of them all. Faults are told as they are found, how far it is every 1,200 programs, and at
 * Ctrl-C what was done.
 */
const option = (name: string, usual: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? usual : Number(process.argv[at + 1]);
};
const seed = option('seed', Date.now() % 2 ** 31);
const rounds = Array.from({ length: option('times', 1) }, (_, i) => pairs(seed + i));
const all = [...rounds.flat(), ...randomPrograms(option('random', 10_000), seed)];
const BATCH = 60;
const TOLD_EVERY = 20 * BATCH;
const KINDS = ['sizes', 'ranks', 'constants'] satisfies Operands[];
const from = option('from', 0);
const end = Math.min(all.length, from + option('count', all.length));
let done = from;
let run = 0;
let faults = 0;
let interrupted = false;
const tell = () => console.log(`${done} of ${all.length} (seed ${seed}): ${run} compared, ${faults} faults`);
process.on('SIGINT', () => {
  if (interrupted) process.exit(130);
  interrupted = true;
});
tell();
while (done < end && !interrupted) {
  const found = await compare(
    all.slice(done, Math.min(done + BATCH, end)),
    KINDS[Math.floor(done / BATCH) % KINDS.length]!,
  );
  done = Math.min(done + BATCH, end);
  run += found.run;
  faults += found.faults.length;
  for (const line of found.faults) console.log(line);
  if (done % TOLD_EVERY === 0) tell();
}
tell();
process.exitCode = faults > 0 ? 1 : 0;
