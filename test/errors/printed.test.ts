import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(root, '.printed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const gpt2 = fileURLToPath(new URL('../fixtures/zoo/gpt2.ts.onnx', import.meta.url));
const register = pathToFileURL(join(root, 'dist/plugin/register.js')).href;

/** What a user sees in the terminal who runs a program that nothing in it catches an error of. */
async function printed(name: string, body: string): Promise<string> {
  const file = join(folder, `${name}.ts`);
  writeFileSync(
    file,
    [
      "import { NNsight, save, type Loose } from 'onnsight';",
      `const lm = await NNsight.load<Loose>('${gpt2}', { device: 'cpu' });`,
      'const inputs = { input_ids: [[1, 2, 3]], attention_mask: [[1, 1, 1]] };',
      'const { h } = lm.model.transformer;',
      body,
    ].join('\n'),
  );
  const run = promisify(execFile)(process.execPath, ['--import', register, file], { cwd: root });
  return run.then(
    () => '',
    (error: { stderr: string }) => error.stderr,
  );
}

describe('an error that nothing catches is printed in a few lines, with no line of the library', () => {
  it.each([
    [
      'cycle',
      'await lm.trace(inputs, () => { h[0].output = h[1].output; return save(h[1].output); });',
      /This is a cycle/,
    ],
    ['operation', 'await lm.trace(inputs, () => save(h[0].output.reshape(7, 9)));', /shape '\[7, 9\]' is invalid/],
    ['name', 'await lm.trace(inputs, () => save(h[0].mlpp.output));', /did you mean model\.transformer\.h\.0\.mlp\?/],
    [
      'run',
      'await lm.trace(inputs, () => save(h[0].output[h[0].output.argmax().long() + 5000]));',
      /the index \d+ is out of range/,
    ],
    [
      'ids',
      'await lm.trace({ ...inputs, input_ids: [[1, 2, 999]] }, () => save(h[0].output));',
      /holds 999 at \[0, 2\]/,
    ],
    ['outside', 'console.log(h[0].output);', /is read outside of a trace/],
  ])('%s', async (name, body, says) => {
    const text = await printed(name, body);
    expect(text).toMatch(says);
    expect(text).toMatch(new RegExp(`${name}\\.ts:5:\\d+ - `));
    expect(text.split('\n').filter((line) => /^\s+at /.test(line) && !line.includes(`${name}.ts`))).toEqual([]);
    expect(text.split('\n').length).toBeLessThan(20);
  });

  it('what a function of the user has thrown keeps its own stack', async () => {
    const text = await printed(
      'apply',
      "await lm.trace(inputs, (tracer) => save(tracer.apply((x: number) => { throw new Error('mine'); }, h[0].output) as never));",
    );
    expect(text).toMatch(/The function given to apply threw: mine/);
    expect(text).toMatch(/\[cause\]: Error: mine\n\s+at .*apply\.ts:5:/);
  });
});
