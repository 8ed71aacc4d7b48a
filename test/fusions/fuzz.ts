import { compare } from './compare.ts';
import { pairs, randomPrograms } from './pairs.ts';
import type { Operands } from './program.ts';

/*
 * Looks for faults of ONNX Runtime's optimiser: every operation of a block in front of every other, with operators of
 * models before and behind, and longer programs by chance. `npm run fuzz:fusions`, with `-- --seed n` for others,
 * `--times n` for every pair so often, `--random n` for so many longer ones.
 */
const option = (name: string, usual: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? usual : Number(process.argv[at + 1]);
};
const seed = option('seed', Date.now() % 2 ** 31);
const rounds = Array.from({ length: option('times', 1) }, (_, i) => pairs(seed + i));
const all = [...rounds.flat(), ...randomPrograms(option('random', 10_000), seed)];
const BATCH = 60;
const KINDS = ['sizes', 'ranks', 'constants'] satisfies Operands[];
let run = 0;
let faults = 0;
console.log(`${all.length} programs, seed ${seed}`);
for (let i = 0; i < all.length; i += BATCH) {
  const found = await compare(all.slice(i, i + BATCH), KINDS[(i / BATCH) % KINDS.length]!);
  run += found.run;
  faults += found.faults.length;
  for (const line of found.faults) console.log(line);
}
console.log(`${run} compared, ${faults} faults`);
process.exitCode = faults > 0 ? 1 : 0;
