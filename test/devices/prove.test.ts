import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { interventions } from '../reference/interventions.ts';
import { EXPORTERS } from '../support/fixtures.ts';
import { ZOO } from '../zoo/zoo.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the program as on a machine with a card: with the built package, without a test runner. */
async function prove(...options: string[]): Promise<{ code: number; lines: string[] }> {
  const words = ['--import', 'onnsight/register', 'test/devices/prove.ts', ...options];
  const run = promisify(execFile)(process.execPath, words, { cwd: ROOT });
  const { code, stdout } = await run.then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => error,
  );
  return { code, lines: stdout.trim().split('\n') };
}

it('every case agrees with PyTorch on the CPU, outside of a test runner', async () => {
  const { code, lines } = await prove('--device', 'cpu');
  const cases = Object.keys(interventions).length + 2 + 2 * EXPORTERS.length * Object.keys(ZOO).length;
  expect(lines.filter((line) => line.startsWith('FAILS'))).toEqual([]);
  expect(lines.at(-1)).toContain(`${cases} agree, 0 fail on cpu, tolerance 0.0001`);
  expect(code).toBe(0);
});

it('a result that is further away fails, and so does a device that does not work', async () => {
  const far = await prove('--only', 'zoo/mlp.ts', '--tolerance', '1e-9');
  expect(far.lines.map((line) => line.split(':')[0])).toEqual([
    'FAILS  zoo/mlp.ts reads',
    'FAILS  zoo/mlp.ts halves',
    expect.stringContaining('0 agree, 2 fail on cpu'),
  ]);
  expect(far.code).toBe(1);
  const absent = await prove('--only', 'zoo/mlp.ts', '--device', 'abacus');
  expect(absent.lines[0]).toContain("There is no device 'abacus'");
  expect(absent.code).toBe(1);
});
