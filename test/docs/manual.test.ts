import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { userEnvironment } from '../plugin/project.ts';
import { pages } from './pages.ts';

const manual = pages();
const work = mkdtempSync(join(ROOT, 'test/docs/out-'));
/** What PyTorch computes for the programs, in the lines that they print (test/tools/manual_fixtures.py). */
const computed: Record<string, string[]> = JSON.parse(readFileSync(`${ROOT}test/fixtures/manual.json`, 'utf8'));
let printed: Record<string, string[]> = {};

/** All programs run in one process, one after the other, compiled as a user's are. */
beforeAll(async () => {
  mkdirSync(join(work, 'how-to'));
  for (const { name, program } of manual) writeFileSync(join(work, `${name}.ts`), `${program}\nexport {};\n`);
  const results = join(work, 'results.json');
  const args = [
    '--import',
    'onnsight/register',
    'test/docs/run.ts',
    relative(ROOT, work),
    ...manual.map(({ name }) => name),
  ];
  await promisify(execFile)(process.execPath, args, { cwd: ROOT, env: { ...userEnvironment(), RESULTS: results } });
  printed = JSON.parse(readFileSync(results, 'utf8'));
});

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(manual)('$name', ({ name, said }) => {
  it('prints what it says', () => {
    expect(said.length).toBeGreaterThan(0);
    expect(printed[name]).toEqual(said);
  });

  it.runIf(name in computed)('which is what PyTorch computes', () => {
    expect(printed[name]).toEqual(computed[name]);
  });
});

it('PyTorch has computed the programs of all how-to pages', () => {
  const programs = manual.map(({ name }) => name).filter((name) => name.startsWith('how-to/'));
  expect(Object.keys(computed).sort()).toEqual(programs.sort());
});
