import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LanguageModel } from 'onnsight';
import { afterAll, expect, it } from 'vitest';
import { loadEdits } from '../../server/edits.ts';
import { UsageError } from '../../server/usage-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-edits-'));
afterAll(() => rmSync(folder, { recursive: true }));

const lm = { generate() {} } as never as LanguageModel;

function load(name: string, text: string): ReturnType<typeof loadEdits> {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, text);
  return loadEdits(file, lm);
}

it('edits that are there, and those that are promised', async () => {
  const edits = await load('good', 'export const now = (lm) => lm; export const soon = async (lm) => lm;');
  expect([...edits]).toEqual([
    ['now', lm],
    ['soon', lm],
  ]);
});

it.each([
  ['throws', "export const calm = () => { throw new Error('mine'); };", /throws\.mjs: 'calm' has failed: mine/],
  ['rejects', "export const calm = async () => { throw 'mine'; };", /rejects\.mjs: 'calm' has failed: mine/],
  ['nothing', 'export const calm = async () => {};', /nothing\.mjs: 'calm' is no function that takes a model/],
  ['broken', "throw new Error('mine');", /broken\.mjs: it cannot be loaded: mine/],
  ['missing', "import './not-there.mjs'; export const calm = (lm) => lm;", /missing\.mjs: it cannot be loaded: /],
  ['empty', '', /empty\.mjs exports no edits/],
])('a file of edits: %s', async (name, text, says) => {
  const refused = load(name, text);
  await expect(refused).rejects.toThrow(says);
  await expect(refused).rejects.toThrow(UsageError);
});
