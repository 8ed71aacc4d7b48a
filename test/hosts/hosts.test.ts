import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { maxDifference, reference, TOY } from '../support/toy.ts';

/* The ways to run a block, each with the built package as a user has it. */
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const program = path('program/program.ts');
const bin = (name: string) => path(`../../node_modules/.bin/${name}`);
const run = (file: string, args: string[]) =>
  execFileSync(file, args, { encoding: 'utf8', cwd: path('../..'), stdio: ['ignore', 'pipe', 'pipe'] });
const operands = [TOY, path('../fixtures/toy-gpt2.json')];

const HOSTS: Record<string, () => string> = {
  'node --import onnsight/register': () =>
    run(process.execPath, ['--import', 'onnsight/register', program, ...operands]),
  'tsx --import onnsight/register': () => run(bin('tsx'), ['--import', 'onnsight/register', program, ...operands]),
  tspc: () => {
    run(bin('tspc'), ['-p', path('program')]);
    return run(process.execPath, ['--enable-source-maps', path('program/out/program.js'), ...operands]);
  },
};

afterAll(() => rmSync(path('program/out'), { recursive: true, force: true }));

describe.each(Object.entries(HOSTS))('%s', (_, host) => {
  it('gives the results of PyTorch and points at the line of a mistake', () => {
    const { stack, ...results } = JSON.parse(host()) as { stack: string } & Record<string, number[]>;
    for (const [name, logits] of Object.entries(results)) {
      const { cases } = reference;
      const expected = name === 'conditional' ? cases.conditional.taken_below : cases[name].logits_last;
      expect(maxDifference(logits, expected.data), name).toBeLessThan(1e-4);
      expect(maxDifference(expected.data, cases.modules.logits_last.data), name).toBeGreaterThan(0.01);
    }
    expect(stack).toContain('program.ts:50:34');
    expect(stack).toContain("shape '[7, 7]' is invalid");
  });
});
