import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Project } from './project.ts';

const APP = `
  const logged = (...given: unknown[]): void => console.log(given.length);
  class Scale { @logged by(x: number): number { return twice(x); } }
  function twice(x: number): number { 'use trace'; return x * 2; }
  console.log(new Scale().by(4));`;
const decorators = (experimentalDecorators: boolean) => JSON.stringify({ compilerOptions: { experimentalDecorators } });

describe('a program that was compiled before', { timeout: 60_000 }, () => {
  it('is taken as it was compiled, until its text or the tsconfig.json that it heeds is another', async () => {
    process.env.ONNSIGHT_CACHE = mkdtempSync(join(tmpdir(), 'onnsight-kept-'));
    const project = new Project('traced', { 'tsconfig.json': decorators(true), 'src/app.ts': APP });
    const output = async () => (await project.node('--import', 'onnsight/register', 'src/app.ts')).output;
    expect(await output()).toBe('3\n8\n');

    const folder = join(process.env.ONNSIGHT_CACHE, 'compiled');
    const [name, ...others] = readdirSync(folder);
    expect(others).toEqual([]);
    const kept = join(folder, name!);
    writeFileSync(kept, readFileSync(kept, 'utf8').replace('.by(4)', '.by(5)'));
    expect(await output()).toBe('3\n10\n');

    project.write('tsconfig.json', decorators(false));
    expect(await output()).toBe('2\n8\n');
    project.write('src/tsconfig.json', decorators(true));
    expect(await output()).toBe('3\n8\n');
    project.write('src/app.ts', APP.replace('.by(4)', '.by(6)'));
    expect(await output()).toBe('3\n12\n');

    writeFileSync(kept, 'damaged');
    expect(await output()).toBe('3\n12\n');
    expect(readdirSync(folder)).toEqual([name]);
  });

  it('is compiled each time where nothing can be kept', async () => {
    process.env.ONNSIGHT_CACHE = join(mkdtempSync(join(tmpdir(), 'onnsight-kept-')), 'file');
    writeFileSync(process.env.ONNSIGHT_CACHE, '');
    const project = new Project('traced', { 'src/app.ts': APP.replace('@logged', '') });
    for (let i = 0; i < 2; i++) {
      expect(await project.node('--import', 'onnsight/register', 'src/app.ts')).toEqual({ output: '8\n', code: 0 });
    }
  });
});
