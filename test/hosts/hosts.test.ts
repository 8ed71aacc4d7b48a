import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectResults } from '../reference/expect-results.ts';
import { interventions, type Values } from '../reference/interventions.ts';
import { maxDifference } from '../support/toy.ts';
import { carets, placesIn } from './carets.ts';
import { GRADIENT_EXAMPLES } from './gradient-examples.ts';
import { HOSTS, ROOT } from './hosts.ts';
import { examplePrograms, readmeProgram } from './programs.ts';

/** The results that program/app.ts writes. */
interface Results {
  readonly values: Readonly<Record<string, Readonly<Record<string, Values>>>>;
  readonly errors: Readonly<Record<string, { readonly message: string; readonly stack: string } | null>>;
  readonly outputs: Readonly<Record<string, string>>;
}

const work = mkdtempSync(join(ROOT, 'test/hosts/out-'));
const README = `${relative(ROOT, work)}/readme`;
const readme = readmeProgram();
const programs = [...examplePrograms(), README];
const places = carets(join(ROOT, 'test/hosts/program/mistakes.ts'));

const results: Record<string, Results> = {};
const names = Object.keys(HOSTS);
const first = names[0]!;
/** tsx loads files by the hooks of the first host, vitest by the plugin of Vite: the examples are left to these. */
const SAME = ['tsx --import onnsight/register', 'vitest'];
/** Vite's plugin lowers files as tspc does: it does not train all over again. */
const UNTRAINED = 'vite build';
const programsOf = (host: string) => {
  if (SAME.includes(host)) return [README];
  return host === UNTRAINED ? programs.filter((program) => !(basename(program) in GRADIENT_EXAMPLES)) : programs;
};
const picture = (example: string) => join(ROOT, 'out', `${example}.svg`);

beforeAll(async () => {
  writeFileSync(`${ROOT}${README}.ts`, readme.text);
  for (const example of Object.keys(GRADIENT_EXAMPLES)) rmSync(picture(example), { force: true });
  const waiting = names.values();
  const runAll = async () => {
    for (const name of waiting) {
      const folder = join(work, String(names.indexOf(name)));
      mkdirSync(folder);
      const environment = { PROGRAMS: JSON.stringify(programsOf(name)), RESULTS: join(folder, 'results.json') };
      await HOSTS[name]!({ folder, environment });
      results[name] = JSON.parse(readFileSync(environment.RESULTS, 'utf8'));
    }
  };
  // Two at a time: each keeps little more than one core busy.
  await Promise.all([runAll(), runAll()]);
}, 300_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

describe.each(names)('%s', (host) => {
  it.each(Object.keys(interventions))('%s: the numbers of PyTorch and of the other hosts', (name) => {
    const values = results[host]!.values[name]!;
    expectResults(name, values);
    for (const [key, { data }] of Object.entries(results[first]!.values[name]!)) {
      expect(maxDifference(Array.from(values[key]!.data, Number), Array.from(data, Number)), key).toBeLessThan(1e-4);
    }
  });

  it.each(programsOf(host))('%s prints the same as elsewhere', (program) => {
    const printed = results[host]!.outputs[program];
    expect(printed).not.toBe('');
    expect(printed).toBe(results[first]!.outputs[program]);
  });

  it('prints what the README says', () => {
    const rounded = (text: string) => text.replace(/\d+\.\d+/g, (number) => Number(number).toFixed(3));
    expect(rounded(results[host]!.outputs[README]!.trim())).toBe(rounded(readme.prints));
  });

  it.each([...places])('a mistake is named where it stands, as elsewhere: %s', (name, expected) => {
    // For code that is not compiled, the host's own source map tells the place, to its nearest token.
    const place = (text: string) => (name === 'uncompiled' ? text.replace(/(\d+):\d+/g, '$1') : text);
    const { message, stack } = results[host]!.errors[name]!;
    const elsewhere = results[first]!.errors[name]!;
    expect(place(message)).toBe(place(elsewhere.message));
    if (name !== 'thrown') expect(place(message)).toContain(place(`test/hosts/program/mistakes.ts:${expected} - `));
    const frames = placesIn(stack, 'mistakes.ts');
    expect(frames.map(place)).toEqual(placesIn(elsewhere.stack, 'mistakes.ts').map(place));
    // A cycle is found when the block is over.
    if (name !== 'cycle') expect(frames[0]?.split(':')[0], stack).toBe(expected.split(':')[0]);
  });
});

it.each(Object.entries(GRADIENT_EXAMPLES))('%s prints the numbers of PyTorch, and draws a picture', (name, check) => {
  check(results[first]!.outputs[`examples/${name}`]!);
  expect(readFileSync(picture(name), 'utf8')).toMatch(/^<svg /);
});
