import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { userEnvironment } from '../plugin/project.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What every program begins with: a model that fuses, a run of it, and a way to wait until it is fused. */
const BEGINNING = `
  import { setTimeout as sleep } from 'node:timers/promises';
  import { LanguageModel } from 'onnsight';
  let lm = await LanguageModel.load('models/toy-gpt2', { device: 'cpu', fuse: true });
  let dispatches = 0;
  const run = () => lm.trace('The Colosseum is in', { onStats: (stats) => { dispatches = stats.dispatches.length; } });
  const often = async () => { for (let i = 0; i < 5; i++) await run(); };
  const untilFused = async () => { while (dispatches !== 1) await run(); };
`;

/** Runs the built package in a process of its own: how it ended and what it printed. */
async function end(program: string): Promise<{ code: number; output: string }> {
  const args = ['--expose-gc', '--input-type=module', '--eval', BEGINNING + program];
  const options = { cwd: ROOT, env: { ...userEnvironment(), ONNSIGHT_SEGMENTS: 'layers' }, timeout: 50_000 };
  const { stdout, stderr, code } = await promisify(execFile)(process.execPath, args, options).then(
    (printed) => ({ ...printed, code: 0 }),
    (error) => error,
  );
  return { code, output: stdout + stderr };
}

describe('a process with a fused block ends', () => {
  it('by itself', async () => {
    expect(await end('await untilFused(); await run(); console.log(dispatches);')).toEqual({ code: 0, output: '1\n' });
  });

  it('by itself while the session is being made', async () => {
    expect(await end('await often();')).toEqual({ code: 0, output: '' });
  });

  // Native code is under way at some of these moments.
  it.each([0, 40, 80, 120, 160])('with a code, %i ms after making the session began', async (milliseconds) => {
    const program = `await often(); await sleep(${milliseconds}); process.exit(3);`;
    expect(await end(program)).toEqual({ code: 3, output: '' });
  });

  it.each([0, 1, 2, 3])('with a code, %i ms after a run began', async (milliseconds) => {
    const program = `await untilFused(); void run(); void run(); await sleep(${milliseconds}); process.exit(3);`;
    expect(await end(program)).toEqual({ code: 3, output: '' });
  });

  it('with an error of the program', async () => {
    const { code, output } = await end('await often(); await sleep(60); throw new Error("of the program");');
    expect(output).toContain('of the program');
    expect(code).toBe(1);
  });
});

it('a model that nobody holds any more ends its thread', async () => {
  const program = `
    let ended = false;
    process.on('worker', (worker) => worker.on('exit', () => { ended = true; }));
    await untilFused();
    lm = null;
    for (let i = 0; i < 200 && !ended; i++) { gc(); await sleep(20); }
    console.log(ended);
  `;
  expect(await end(program)).toEqual({ code: 0, output: 'true\n' });
});
