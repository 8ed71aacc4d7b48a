import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pages } from '../../../../docs/build/pages.ts';
import { ROOT } from '../../hosts.ts';
import { readmeProgram } from '../../programs.ts';
import type { Row } from '../row.ts';

/** Pages that are written without declarations: types of a name that none has, and where a module is of any model. */
const UNDECLARED = ['errors', 'bundles', 'how-to/sae'];

const manual = [{ name: 'readme', program: readmeProgram().text }, ...pages()].filter(
  ({ name, program }) => !UNDECLARED.includes(name) && !/\bEnvoy\b/.test(program),
);

/** Without the types that stand for the modules of any model; those that attach a model of their own have no others. */
const examples = readdirSync(join(ROOT, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ name: basename(file, '.ts'), program: readFileSync(join(ROOT, 'examples', file), 'utf8') }))
  .filter(({ program }) => !program.includes('.sae'))
  .map(({ name, program }) => ({
    name,
    program: program
      .replace(/^ *type Envoy,\n|type Envoy, /m, '')
      .replace(/(?<=layers?): Envoy(\[\])?/g, '')
      .replace('(model: LanguageModel,', '(model: ToyGpt2,')
      .replace(/(?<=from '\.\/[\w-]+)\.ts/g, '.js'),
  }));

const programs = [...manual, ...examples].map(({ name, program }) => {
  const file = `src/${name.replace('/', '-')}.ts`;
  const declared = program.replaceAll('LanguageModel.load(', 'LanguageModel.load<ToyGpt2>(');
  return [file, `import type { ToyGpt2 } from './toy-gpt2.js';\n${declared}\nexport {};\n`];
});

const CONFIG = `import tseslint from 'typescript-eslint';
export default tseslint.config(...tseslint.configs.recommendedTypeChecked, {
  files: ['src/**/*.ts'],
  languageOptions: { parserOptions: { project: './tsconfig.json' } },
  rules: {
    // The manual is written for projects with noUncheckedIndexedAccess too, which need the marks.
    '@typescript-eslint/no-unnecessary-type-assertion': 'off',
    '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^(_|ToyGpt2)$' }],
  },
}, { ignores: ['*.mjs'] });
`;

/** The README's program, the manual's and the examples, with a model that has declarations: no complaint of `recommendedTypeChecked`. */
export const TYPESCRIPT_ESLINT: Row = {
  name: 'typescript-eslint',
  nightly: true,
  packages: ['typescript@5.9', 'eslint@9', 'typescript-eslint@8', 'vega@6', 'vega-lite@6', '@types/cli-progress@3'],
  files: {
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        target: 'esnext',
        module: 'nodenext',
        strict: true,
        skipLibCheck: true,
        noEmit: true,
        types: ['node', 'onnsight/numbers'],
      },
      include: ['src'],
    }),
    'eslint.config.mjs': CONFIG,
    ...Object.fromEntries(programs),
  },
  commands: ['onnsight types toy-gpt2 --out src/toy-gpt2.d.ts', 'eslint src && echo "nothing to complain of"'],
  expects: ['nothing to complain of'],
};
