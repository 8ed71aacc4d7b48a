import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pages } from '../../docs/build/pages.ts';
import { ROOT } from '../hosts/hosts.ts';
import { userEnvironment } from '../plugin/project.ts';

const manual = pages();
const work = mkdtempSync(join(ROOT, 'test/docs/out-'));
/** What PyTorch computes for the programs, in the lines that they print (test/tools/manual_fixtures.py). */
const fixture: Record<string, string[]> = JSON.parse(readFileSync(`${ROOT}test/fixtures/manual.json`, 'utf8'));
const computed = new Map(Object.entries(fixture).map(([page, lines]) => [`how-to/${page}`, lines]));
let printed: Record<string, string[]> = {};

/** All programs run in one process, one after the other, compiled as a user's are. */
beforeAll(async () => {
  for (const { name, program } of manual) {
    const file = join(work, `${name}.ts`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${program}\nexport {};\n`);
  }
  const args = ['--import', 'onnsight/register', `${ROOT}docs/build/run.ts`, ...manual.map(({ name }) => name)];
  await promisify(execFile)(process.execPath, args, { cwd: work, env: userEnvironment() });
  printed = JSON.parse(readFileSync(join(work, 'printed.json'), 'utf8'));
}, 300_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(manual)('$name', ({ name, said, pictures }) => {
  it('prints what it says', () => {
    expect(said.length).toBeGreaterThan(0);
    expect(printed[name]).toEqual(said);
  });

  it.runIf(computed.has(name))('says what PyTorch computes', () => {
    expect(said).toEqual(computed.get(name));
  });

  it.runIf(pictures.length > 0)('draws its pictures', () => {
    expect(readdirSync(join(work, 'pictures'))).toEqual(expect.arrayContaining([...pictures]));
  });
});

it('every how-to page has a picture, and PyTorch has computed what it prints', () => {
  const guides = manual.filter(({ name }) => name.startsWith('how-to/'));
  expect([...computed.keys()].sort()).toEqual(guides.map(({ name }) => name));
  expect(guides.filter(({ pictures }) => pictures.length === 0)).toEqual([]);
});
