import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { makeSmall, runAll } from './crew.ts';
import { Tally } from './tally.ts';

/** How many disagreements are made small and shown. */
const SHOWN = 20;

/** `npm run fuzz -- language`: random programs as JavaScript, compiled on plain values and on traced ones. */
export const language = new Command('language')
  .description('random programs: as JavaScript, compiled on plain values, compiled on traced values')
  .option('--programs <count>', 'how many', Number, 10_000)
  .option('--seed <number>', 'of the first program; the others count up from it', Number, Date.now() % 2 ** 31)
  .option('--processes <count>', 'how many at a time', Number, availableParallelism())
  .action(async ({ programs, seed, processes }: { programs: number; seed: number; processes: number }) => {
    console.log(`Programs ${seed} to ${seed + programs - 1}.`);
    const tally = new Tally();
    await runAll(seed, seed + programs, processes, (told) => {
      tally.add(told);
      if (tally.programs % 1000 === 0) console.log(tally.programs, JSON.stringify(tally.kinds));
    });
    console.log(`\n${tally}`);
    const wrong = tally.wrong();
    for (const { seed } of wrong.slice(0, SHOWN)) console.log(`\n${await makeSmall(seed)}`);
    if (wrong.length > 0) process.exitCode = 1;
  });
