import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { NAMES } from './constructs/index.ts';
import { makeSmall, runAll } from './crew.ts';
import type { Which } from './one.ts';
import { Tally, type Told } from './tally.ts';

interface Options {
  readonly programs: number;
  readonly seed: number;
  readonly processes: number;
  readonly construct?: string;
  readonly each?: number;
  readonly shown: number;
}

/** `npm run fuzz -- language`: random programs as JavaScript, compiled on plain values and on traced ones. */
export const language = new Command('language')
  .description('random programs: as JavaScript, compiled on plain values, compiled on traced values')
  .option('--programs <count>', 'how many', Number, 10_000)
  .option('--seed <number>', 'of the first program; the others count up from it', Number, Date.now() % 2 ** 31)
  .option('--processes <count>', 'how many at a time', Number, availableParallelism())
  .option('--construct <name>', 'only this construct, with the simplest ones around it')
  .option('--each <count>', 'so many programs of every construct alone', Number)
  .option('--shown <count>', 'how many disagreements are made small and shown', Number, 20)
  .action(async (options: Options) => {
    const wrong = options.each === undefined ? await runMany(options) : await runEach(options, options.each);
    for (const one of wrong.slice(0, options.shown)) console.log(`\n${await makeSmall(one)}`);
    if (wrong.length > 0) process.exitCode = 1;
  });

async function runMany({ programs, seed, processes, construct }: Options): Promise<readonly Told[]> {
  console.log(`Programs ${seed} to ${seed + programs - 1}.`);
  const tally = new Tally();
  await runAll(of(seed, programs, construct), processes, (told) => {
    tally.add(told);
    if (told.kind === 'different' || told.kind === 'broken') console.log(`${told.kind} [${told.seed}]: ${told.reason}`);
    if (tally.programs % 1000 === 0) console.log(tally.programs, JSON.stringify(tally.kinds));
  });
  console.log(`\n${tally}`);
  return tally.wrong();
}

async function runEach({ seed, processes }: Options, count: number): Promise<readonly Told[]> {
  const tallies = new Map<string, Tally>();
  const programs = NAMES.flatMap((name) => [...of(seed, count, name)]);
  await runAll(programs, processes, (told) => {
    const tally = tallies.get(told.construct!) ?? new Tally();
    tallies.set(told.construct!, tally);
    tally.add(told);
    if (tally.programs === count) console.log(`${told.construct}: ${tally.short()}`);
  });
  return [...tallies.values()].flatMap((tally) => tally.wrong());
}

function* of(seed: number, count: number, construct?: string): Generator<Which> {
  for (let i = 0; i < count; i++) yield { seed: seed + i, construct };
}
