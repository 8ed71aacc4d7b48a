import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { userEnvironment } from '../plugin/project.ts';

const page = readFileSync(`${ROOT}docs/analysis.md`, 'utf8');
const [preamble, ...programs] = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text]) => text!);
const folder = mkdtempSync(join(ROOT, 'test/analysis/out-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the programs of docs/analysis.md print what it says', async () => {
  const said = programs.flatMap((text) =>
    [...text.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, end]) => end),
  );
  expect(said).toHaveLength(programs.length);
  const file = join(folder, 'programs.ts');
  writeFileSync(file, [preamble, ...programs.map((text) => `{\n${text}}`)].join('\n'));
  const args = ['--import', 'onnsight/register', relative(ROOT, file)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env: userEnvironment() });
  expect(stdout.trim().split('\n')).toEqual(said);
});
