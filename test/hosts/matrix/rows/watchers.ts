import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NODE_NEXT, PLUGINS, program, TYPESCRIPT, tsconfig } from '../program.ts';
import type { Row } from '../row.ts';
import { BUNDLERS } from './bundlers.ts';
import { SVELTE, VUE } from './components.ts';
import { AVA, JEST } from './test-runners.ts';

const DRIVER = readFileSync(fileURLToPath(new URL('../watch.mjs', import.meta.url)), 'utf8');

/** A tool that watches: its command, and the file that it builds, or none if it runs the program. */
interface Watcher {
  readonly name: string;
  readonly packages: readonly string[];
  readonly own?: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly command: string;
  readonly built?: string;
  readonly nightly?: boolean;
}

function row({ name, command, built, files, ...installed }: Watcher): Row {
  return {
    name: `${name}, five edits`,
    ...installed,
    files: { ...files, 'watch.mjs': DRIVER },
    commands: [`node watch.mjs ${built ? `--runs ${built}` : ''} '${command}'`],
    expects: ['6 of 6 edits'],
  };
}

const modules = { ...program('module', '.js'), 'tsconfig.json': tsconfig({ ...NODE_NEXT, plugins: PLUGINS }) };
const bundled = { ...program('module'), 'tsconfig.json': tsconfig() };

/** Those whose build scripts watch. */
const SCRIPTS = BUNDLERS.filter(({ name }) => /^(ts-loader|webpack|Rspack|esbuild|Rolldown)/.test(name));

/** Runs anew when a file changes. */
const TEST = (imports: string, extension = '.ts') => `${imports}
import { LanguageModel } from 'onnsight';
import { steer } from './steer${extension}';
it('steers', async () => console.log('steered', (await steer(await LanguageModel.load('toy-gpt2'), 2)).toFixed(3)));
`;

export const WATCHERS: readonly Row[] = [
  ...['5.4', '5.9', '6.0'].map((version) => ({
    name: `tspc --watch with TypeScript ${version}`,
    packages: [],
    own: [`typescript@${version}`, 'ts-patch@3.3.0'],
    files: modules,
    command: 'tspc --watch --incremental --preserveWatchOutput',
    built: 'out/main.js',
    nightly: true,
  })),
  {
    name: 'onnsight build --watch',
    packages: [],
    files: { ...modules, 'tsconfig.json': tsconfig(NODE_NEXT) },
    command: 'onnsight build --watch',
    built: 'out/main.js',
  },
  {
    name: 'rollup --watch',
    packages: ['rollup@4', 'rollup-plugin-typescript2@0.37', 'typescript@5.9', 'tslib@2'],
    files: {
      ...bundled,
      'rollup.config.mjs': `import { onnsight } from 'onnsight/unplugin';
import ts from 'rollup-plugin-typescript2';
export default { input: 'src/main.ts', external: [/^onnsight/], plugins: [onnsight.rollup(), ts()], output: { file: 'out/main.mjs' } };
`,
    },
    command: 'rollup -c --watch --no-watch.clearScreen',
    built: 'out/main.mjs',
    nightly: true,
  },
  {
    name: 'vite build --watch',
    packages: ['vite@8'],
    files: {
      ...bundled,
      'vite.config.mjs': `import onnsight from 'onnsight/vite';
export default { plugins: [onnsight()], build: { ssr: 'src/main.ts', outDir: 'out', rollupOptions: { output: { entryFileNames: 'main.mjs' } } } };
`,
    },
    command: 'vite build --watch --no-clearScreen',
    built: 'out/main.mjs',
    nightly: true,
  },
  ...[
    { name: 'Vue, vite build --watch', ...VUE },
    { name: 'Svelte, vite build --watch', ...SVELTE },
  ].map((one) => ({ ...one, command: 'vite build --watch --no-clearScreen', built: 'out/main.mjs', nightly: true })),
  ...SCRIPTS.map(({ name, packages, files }) => ({
    name,
    packages,
    files,
    command: 'WATCH=1 node build.mjs',
    built: 'out/main.mjs',
    nightly: true,
  })),
  {
    name: 'vitest --watch',
    nightly: true,
    packages: ['vitest@4.1.11'],
    files: {
      ...program('module', '.ts'),
      'src/steer.test.ts': TEST("import { it } from 'vitest';"),
      'vitest.config.ts': "import onnsight from 'onnsight/vite';\nexport default { plugins: [onnsight()] };\n",
    },
    command: 'vitest --watch',
  },
  {
    name: 'ts-jest, jest --watchAll',
    nightly: true,
    packages: [...TYPESCRIPT, 'jest@30', 'ts-jest@29', '@types/jest@30'],
    files: {
      ...program('module'),
      'src/steer.test.ts': TEST('', ''),
      'tsconfig.json': tsconfig({ types: ['node', 'jest'], plugins: PLUGINS }),
      'jest.config.mjs': JEST,
    },
    command: 'NODE_OPTIONS=--experimental-vm-modules jest --runInBand --watchAll',
  },
  {
    name: 'mocha --watch',
    nightly: true,
    packages: ['mocha@11', '@types/mocha@10'],
    files: { ...program('commonjs'), 'src/steer.test.ts': TEST('', '') },
    command:
      'NODE_OPTIONS="--import onnsight/register" mocha --watch --watch-files src --timeout 60000 src/steer.test.ts',
  },
  {
    name: 'AVA --watch',
    nightly: true,
    packages: ['ava@6'],
    files: {
      ...program('module', '.ts'),
      'src/steer.test.ts': TEST("import it from 'ava';")
        .replace('async () => console', 'async (t) => (t.pass(), console')
        .replace(/\);\n$/, '));\n'),
      'ava.config.js': AVA,
    },
    command: 'ava --watch',
  },
  {
    name: 'node --test --watch',
    nightly: true,
    packages: [],
    files: { ...program('module', '.ts'), 'src/steer.test.ts': TEST("import { it } from 'node:test';") },
    command: 'node --import onnsight/register --test --watch src/steer.test.ts',
  },
  {
    name: 'node --watch',
    nightly: true,
    packages: [],
    files: program('commonjs'),
    command: 'node --watch --import onnsight/register src/main.ts',
  },
  {
    name: 'tsx watch',
    packages: ['tsx@4'],
    files: program('module'),
    command: 'tsx watch --clear-screen=false --import onnsight/register src/main.ts',
  },
].map(row);
