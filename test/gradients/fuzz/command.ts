import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';

interface Options {
  readonly programs: number;
  readonly seed: number;
}

const test = fileURLToPath(new URL('../random-blocks.test.ts', import.meta.url));

/** `npm run fuzz -- gradients`: gradients of random blocks beside the differences of their results. */
export const gradients = new Command('gradients')
  .description('gradients of random blocks: as the backward pass has them, and as differences of the results')
  .option('--programs <count>', 'how many', Number, 1000)
  .option('--seed <number>', 'of the first program; the others count up from it', Number, Date.now() % 2 ** 31)
  .action(({ programs, seed }: Options) => {
    console.log(`Programs ${seed} to ${seed + programs - 1}.`);
    // Blocks have to be compiled: the test does that.
    const env = { ...process.env, FUZZ_PROGRAMS: String(programs), FUZZ_SEED: String(seed) };
    const { status } = spawnSync('npx', ['vitest', 'run', test], {
      env,
      stdio: 'inherit',
      shell: process.platform === 'win32',
    });
    process.exitCode = status ?? 1;
  });
