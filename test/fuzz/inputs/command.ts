import { Command, Option } from 'commander';
import { KINDS, type Kind } from './case.ts';
import { Pool, type Tried } from './pool.ts';

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly cases: number;
  readonly shown: number;
}

/** `npm run fuzz -- inputs <kind>`: damaged models, requests and bundles, each refused in words or right. */
export const inputs = new Command('inputs')
  .description('damaged models (by bytes, by structure), requests and bundles: each is refused in words, or right')
  .argument('<kind>', KINDS.join(', '))
  .addOption(new Option('--minutes <count>', 'how long').argParser(Number).default(10))
  .option('--cases <count>', 'how many at most', Number, Number.POSITIVE_INFINITY)
  .option('--seed <number>', 'of the first case; the others count up from it', Number, Date.now() % 2 ** 31)
  .option('--shown <count>', 'how many that are broken are shown', Number, 40)
  .action(async (kind: Kind, { minutes, seed, cases, shown }: Options) => {
    if (!KINDS.includes(kind)) throw new Error(`There are no ${kind}: take one of ${KINDS.join(', ')}.`);
    const pool = new Pool();
    const counts: Partial<Record<Tried['verdict'], number>> = {};
    const end = Date.now() + minutes * 60_000;
    let broken = 0;
    let done = 0;
    for (; done < cases && Date.now() < end; done++) {
      const { verdict, why, seed: own } = await pool.run(kind, seed + done);
      counts[verdict] = (counts[verdict] ?? 0) + 1;
      if (verdict === 'broken' && broken++ < shown) console.log(`${kind} ${own}: ${why}`);
    }
    pool.end();
    console.log(`${done} ${kind} from ${seed} on: ${JSON.stringify(counts)}`);
    if (broken > 0) process.exitCode = 1;
  });
