import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pages } from '../../docs/build/pages.ts';
import manifest from '../../package.json' with { type: 'json' };
import { readmeProgram } from '../hosts/programs.ts';
import { linkOnnsight } from '../plugin/project.ts';
import { COMPILERS, check, errorsIn, errorsWantedIn, expectMistakes, ROOT, tsc } from './compilers.ts';

const FIXTURES = join(ROOT, 'test/fixtures/types');
const MISTAKES = join(FIXTURES, 'mistakes.ts');
const folder = mkdtempSync(join(ROOT, 'test/types/out-'));

const programsIn = (path: string) =>
  readdirSync(path)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(path, name));

/** The programs of README and of the manual. */
const documents = [{ name: 'readme', program: readmeProgram().text }, ...pages()].map(({ name, program }) => ({
  name,
  file: join(folder, `${name}.ts`),
  program: `${program}\nexport {};\n`,
}));

/** Pages with a name that no declaration has: one that is misspelt on purpose, and an attached model's. */
const UNDECLARED = ['errors', 'how-to/sae'];
/** The same where the model has declarations. */
const declared = documents
  .filter(({ name }) => !UNDECLARED.includes(name))
  .map(({ name, program }) => ({
    file: join(folder, 'declared', `${name}.ts`),
    program: `import type { ToyGpt2 } from '${join(FIXTURES, 'generated/toy-gpt2.js')}';
${program.replaceAll('LanguageModel.load(', 'LanguageModel.load<ToyGpt2>(')}`,
  }));

beforeAll(() => {
  for (const { file, program } of [...documents, ...declared]) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, program);
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(Object.entries(COMPILERS))('%s', { timeout: 60_000 }, (version, compiler) => {
  const own = join(folder, version);
  mkdirSync(own);

  it('is what it says', () => {
    expect(tsc(compiler, own, '--version')).toContain(version.replace('TypeScript', 'Version'));
  });

  it('finds no error in the examples, the README, the manual and all that the language allows, without a plugin, and each of the mistakes for its own reason', () => {
    const files = [
      ...programsIn(join(ROOT, 'examples')),
      ...programsIn(FIXTURES),
      ...[...documents, ...declared].map(({ file }) => file),
    ];
    expect(files.length).toBeGreaterThan(5);
    expect(errorsWantedIn(MISTAKES).length).toBeGreaterThan(10);
    expectMistakes(check(compiler, own, files), MISTAKES);
  });

  it('knows what an index gives without `noUncheckedIndexedAccess`, in each way', () => {
    const program = join(FIXTURES, 'indexed/program.ts');
    expect(check(compiler, own, [program], { noUncheckedIndexedAccess: false })).toBe('');
    const project = join(own, 'indexed');
    linkOnnsight(project);
    for (const name of ['indexed/program.ts', 'generated/toy-gpt2.d.ts']) {
      cpSync(join(FIXTURES, name), join(project, name), { recursive: true });
    }
    const types = { types: ['node', 'onnsight/numbers'], noUncheckedIndexedAccess: false };
    expect(check(compiler, project, ['indexed/program.ts'], types)).toBe('');
  });

  it('writes declarations of models that a program exports by the names of the package', () => {
    const project = join(own, 'exported');
    linkOnnsight(project);
    const program = `import { intervention, LanguageModel, NNsight, save } from 'onnsight';
export const lm = LanguageModel.load('onnsight/toy-gpt2');
export const model = NNsight.load('onnsight/toy-gpt2');
export const attached = intervention((gpt2: LanguageModel) => save(gpt2.lm_head.output), { attach: { 'h.2.sae': model } });
`;
    writeFileSync(join(project, 'program.ts'), program);
    const emit = { noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: 'out', rootDir: '.' };
    expect(check(compiler, project, ['program.ts'], emit)).toBe('');
    const written = readFileSync(join(project, 'out/program.d.ts'), 'utf8');
    expect(written).toMatch(/lm: Promise<.*LanguageModelOf</);
    expect(written).not.toContain('dist/');
  });

  it('finds no error in what `onnsight/numbers` allows, and errors without it', () => {
    const project = join(own, 'numbers');
    linkOnnsight(project);
    const program = join(project, 'program.ts');
    cpSync(join(FIXTURES, 'numbers/program.ts'), program);
    expect(check(compiler, project, [program], { types: ['node', 'onnsight/numbers'] })).toBe('');
    expect(errorsIn(check(compiler, project, [program]))).not.toEqual([]);
  });
});

it('the declarations of the package have no errors, which `skipLibCheck` would hide', { timeout: 60_000 }, () => {
  const compiler = COMPILERS['TypeScript 7']!;
  const entries = Object.entries(manifest.exports).filter(([, one]) => typeof one === 'object');
  const all = join(folder, 'all.ts');
  writeFileSync(all, entries.map(([entry]) => `import type {} from 'onnsight${entry.slice(1)}';\n`).join(''));
  const printed = check(compiler, folder, [join(FIXTURES, 'language.ts'), all], { skipLibCheck: false });
  expect(
    printed.split('\n').filter((line) => /\bdist\/.*error TS/.test(line) && !line.includes('node_modules')),
  ).toEqual([]);
});
