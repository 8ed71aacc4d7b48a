import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { userEnvironment } from '../plugin/project.ts';

const page = readFileSync(`${ROOT}docs/gradients.md`, 'utf8');
const rows = [...page.matchAll(/^\| `(.+ return .+;|return .+;)` \| (.+?) \| .+ \|$/gm)];

const folder = mkdtempSync(join(ROOT, 'test/gradients/out-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a program prints, line by line; it is compiled and run as a user does it. */
async function printed(name: string, text: string): Promise<string[]> {
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, text);
  const args = ['--import', 'onnsight/register', relative(ROOT, file)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env: userEnvironment() });
  return stdout.trim().split('\n');
}

it('the errors of docs/gradients.md are those that it tells', async () => {
  expect(rows.length).toBe(page.slice(page.indexOf('## What is an error')).match(/^\| `/gm)!.length);
  const attempts = rows.map(
    ([, body]) => `try {
  await lm.trace('The Big Ben', (tracer) => { const logits = lm.lm_head.output; const { h } = lm.transformer; ${body} });
  console.log('no error');
} catch (error) { console.log(error.message); }`,
  );
  const text = [
    "import { argmax, backward, grad, LanguageModel, Parameter, round, save, square, sum } from 'onnsight';",
    "const lm = await LanguageModel.load('models/toy-gpt2');",
    ...attempts,
  ].join('\n');
  const messages = await printed('errors', text);
  expect(messages).toEqual(rows.map(([, , told]) => expect.stringContaining(told!)));
});
