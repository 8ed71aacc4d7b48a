import childProcess from 'node:child_process';
import { randomInt } from 'node:crypto';
import fs, { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os, { hostname } from 'node:os';
import { pid } from 'node:process';
import { loadNpy, randn, save, saveNpy, zeros } from 'onnsight';
import { expect, it } from 'vitest';
import { noteMomentary } from '../../runtime/bundle/build/momentary.ts';
import { loadToy } from '../support/toy.ts';

/** What is noted, and nothing twice. */
async function asked(work: () => unknown): Promise<string[]> {
  const { notes } = await noteMomentary(async () => work());
  return notes.map((note) => {
    const [, shown] = /^test\/bundle\/momentary\.test\.ts:\d+:\d+ - (.+?) is (called|read) while/.exec(note) ?? [];
    return shown ?? note;
  });
}

it('what a file asks of the clock and of chance is noted, and not what a model does that it runs', async () => {
  const lm = await loadToy();
  const { result, notes } = await noteMomentary(async () => {
    const norm = await lm.trace('a', () => save(lm.lm_head.output.norm()));
    return [norm.item(), Math.random(), performance.now(), Date.now()];
  });
  expect(result).toHaveLength(4);
  const places = notes.map((note) => /^test\/bundle\/momentary\.test\.ts:25:\d+ - (\S+) is called/.exec(note)?.[1]);
  expect(places).toEqual(['Math.random()', 'performance.now()', 'Date.now()']);
});

it.each<[string, () => unknown]>([
  ['process.env.ONNSIGHT_ALPHA', () => process.env.ONNSIGHT_ALPHA],
  ['process.env.ONNSIGHT_ALPHA', () => 'ONNSIGHT_ALPHA' in process.env],
  ['process.env', () => Object.entries({ ...process.env }).length],
  ['process.argv', () => process.argv[2]],
  ['process.platform', () => process.platform],
  ['process.cwd()', () => process.cwd()],
  ['os.hostname()', () => os.hostname()],
  ['os.hostname()', () => hostname()],
  ['os.cpus()', () => os.cpus().length],
  ["readFileSync('package.json')", () => readFileSync('package.json', 'utf8')],
  ["readFileSync('package.json')", () => fs.readFileSync('package.json', 'utf8')],
  ["readFile('package.json')", () => readFile('package.json', 'utf8')],
  ["readFile('package.json')", () => fs.promises.readFile('package.json')],
  ["existsSync('nowhere')", () => existsSync('nowhere')],
  ["readdirSync('docs')", () => fs.readdirSync('docs')],
  ['execSync()', () => childProcess.execSync('true')],
  ['new Date()', () => new Date().toISOString()],
  ['Date()', () => Date()],
  ['Date.prototype.getHours()', () => new Date(0).getHours()],
  ['Date.prototype.getTimezoneOffset()', () => new Date(0).getTimezoneOffset()],
  ['Number.prototype.toLocaleString()', () => (1.5).toLocaleString()],
  ['String.prototype.localeCompare()', () => ['b', 'a'].sort((a, b) => a.localeCompare(b))],
  ['Intl.DateTimeFormat()', () => Intl.DateTimeFormat().resolvedOptions().timeZone],
  ['Intl.NumberFormat()', () => new Intl.NumberFormat().format(1.5)],
  ['crypto.randomInt()', () => randomInt(5)],
  ['process.hrtime.bigint()', () => process.hrtime.bigint()],
  ['performance.timeOrigin', () => performance.timeOrigin],
  ['Math.random()', () => Array.from({ length: 3 }, Math.random)],
  ['Math.random()', () => randn(2)],
])('%s is of the moment or of the machine', async (shown, work) => {
  expect(await asked(work)).toEqual([shown]);
});

it('data that this library reads is noted', async () => {
  const folder = fs.mkdtempSync(`${os.tmpdir()}/onnsight-`);
  await saveNpy(`${folder}/a.npy`, zeros(3));
  const notes = await asked(() => loadNpy(`${folder}/a.npy`));
  expect(notes.length).toBeGreaterThan(0);
  for (const note of notes) expect(note).toContain(`'${folder}/a.npy'`);
  fs.rmSync(folder, { recursive: true });
});

it.each<[string, () => unknown]>([
  ['what is the same everywhere', () => [new Date(0).toISOString(), new Date(0).getUTCHours(), Math.sin(1), pid]],
  ['a language that is named', () => [(1.5).toLocaleString('en'), 'a'.localeCompare('b', 'en'), Intl.Collator('en')]],
  ['what Node asks for itself', () => console.log('one')],
  ['a model', () => loadToy()],
])('%s is not', async (_, work) => {
  expect(await asked(work)).toEqual([]);
});

it('what a block asks is noted, at its lines', async () => {
  const lm = await loadToy();
  const { notes } = await noteMomentary(() =>
    lm.trace('a', () => {
      const places = [process.cwd(), os.platform(), process.env.HOME, hostname(), (1.5).toLocaleString()];
      const text = readFileSync('package.json', 'utf8');
      return save(lm.lm_head.output.norm() * places.length * text.length);
    }),
  );
  expect(notes.map((note) => /^test\/bundle\/momentary\.test\.ts:\d+:\d+ - (.+?) is /.exec(note)?.[1])).toEqual([
    'process.cwd()',
    'os.platform()',
    'process.env.HOME',
    'os.hostname()',
    'Number.prototype.toLocaleString()',
    "readFileSync('package.json')",
  ]);
});

it('everything is as before afterwards', async () => {
  const before = [Date, Math.random, process.env, readFileSync, process.argv, Date.prototype.getHours];
  await noteMomentary(async () => {
    process.env.ONNSIGHT_SET = '1';
    process.argv.push('--more');
  });
  expect([Date, Math.random, process.env, readFileSync, process.argv, Date.prototype.getHours]).toEqual(before);
  expect(process.env.ONNSIGHT_SET).toBe('1');
  expect(process.argv.pop()).toBe('--more');
});
