/** A host: what is installed, the files of its project, and what its last command prints. */
export interface Row {
  readonly name: string;
  readonly packages: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly commands: readonly string[];
  readonly expects: readonly string[];
}

const STEER = `import { type LanguageModel, save } from 'onnsight';
export async function steer(lm: LanguageModel, alpha: number) {
  const { norm } = await lm.trace('The Eiffel Tower is in the city of', () => {
    const layer = lm.transformer.h[0];
    if (alpha > 1) layer.output[':, -1'] *= alpha;
    return { norm: save(layer.output.norm()) };
  });
  return norm.item();
}
`;

/** Its third line is the one that fails. */
const MAIN = `import { LanguageModel, save } from 'onnsight';
import { steer } from './steer';
const wrong = (lm: LanguageModel) => lm.trace('The', () => save(lm.transformer.h[0].output.reshape([3, 3])));
async function main() {
  const lm = await LanguageModel.load('toy-gpt2');
  console.log('steered', (await steer(lm, 2)).toFixed(3));
  await wrong(lm).catch((error: Error) => console.log(error.message));
}
main();
`;

/** A page whose answer is computed when the program is built. */
const ROUTE = `import { LanguageModel, save } from 'onnsight';
import { steer } from '../../../src/steer';
const wrong = (lm: LanguageModel) => lm.trace('The', () => save(lm.transformer.h[0].output.reshape([3, 3])));
export const dynamic = 'force-static';
export async function GET() {
  const lm = await LanguageModel.load('toy-gpt2');
  const message = await wrong(lm).then(String, (error: Error) => error.message);
  return new Response(\`steered \${(await steer(lm, 2)).toFixed(3)}\\n\${message}\\n\`);
}
`;

const NEXT_CONFIG = `import { onnsight } from 'onnsight/unplugin';
export default {
  serverExternalPackages: ['onnsight', 'onnxruntime-node'],
  webpack: (config) => (config.plugins.unshift(onnsight.webpack()), config),
};
`;

const PRINTS = ['steered 67.617', 'main.ts:3:'];

const OPTIONS = {
  target: 'ES2022',
  module: 'ESNext',
  moduleResolution: 'bundler',
  strict: true,
  noImplicitAny: false,
  skipLibCheck: true,
  types: ['node'],
  sourceMap: true,
  outDir: 'out',
};
const PLUGINS = [{ transform: 'onnsight/plugin', transformProgram: true }];

function tsconfig(options: object = {}, more: object = {}): string {
  return JSON.stringify({ compilerOptions: { ...OPTIONS, ...options }, include: ['src'], ...more });
}

const packageJson = (type: 'module' | 'commonjs') => JSON.stringify({ name: 'mine', version: '1.0.0', type });
const program = (type: 'module' | 'commonjs') => ({
  'package.json': packageJson(type),
  'src/main.ts': MAIN,
  'src/steer.ts': STEER,
});

const JEST = `import { LanguageModel, save } from 'onnsight';
import { steer } from '../src/steer';
test('a block in a test, and one in a module', async () => {
  const lm = await LanguageModel.load('toy-gpt2');
  expect((await steer(lm, 2)).toFixed(3)).toBe('67.617');
  const norm = await lm.trace('The', () => save(lm.transformer.h[0].output.norm() * 0));
  expect(norm.item()).toBe(0);
});
`;

const ROLLUP = (plugins: string, imports: string) => `import { rollup } from 'rollup';
import { onnsight } from 'onnsight/unplugin';
${imports}
const bundle = await rollup({ input: 'src/main.ts', external: [/^onnsight/], plugins: [${plugins}] });
await bundle.write({ file: 'out/main.mjs', format: 'es', sourcemap: true });
`;

const WEBPACK = (options: string, plugins: string) => `import webpack from 'webpack';
import { resolve } from 'node:path';
import { onnsight } from 'onnsight/unplugin';
webpack({
  mode: 'development', devtool: 'source-map', target: 'node20', entry: './src/main.ts',
  externalsType: 'module', externals: [/^onnsight/], experiments: { outputModule: true },
  output: { path: resolve('out'), filename: 'main.mjs', module: true, library: { type: 'module' } },
  resolve: { extensions: ['.ts', '.js'] },
  module: { rules: [{ test: /\\.ts$/, loader: 'ts-loader', options: ${options} }] },
  plugins: [${plugins}],
}, (error, stats) => { if (error) throw error; console.log(stats.toString({ preset: 'errors-warnings' })); process.exitCode = stats.hasErrors() ? 1 : 0; });
`;

const NODE_TEST = `import assert from 'node:assert';
import test from 'node:test';
import { LanguageModel } from 'onnsight';
import { steer } from './steer';
test('a block in a module', async () => {
  assert.equal((await steer(await LanguageModel.load('toy-gpt2'), 2)).toFixed(3), '67.617');
});
`;

const WORKER = `import { parentPort } from 'node:worker_threads';
import { LanguageModel } from 'onnsight';
import { steer } from './steer';
async function work() {
  using lm = await LanguageModel.load('toy-gpt2');
  parentPort!.postMessage((await steer(lm, 2)).toFixed(3));
}
work();
`;

const THREADS = `import { Worker } from 'node:worker_threads';
import { join } from 'node:path';
const worker = new Worker(join(__dirname, 'worker.ts'));
worker.on('message', (norm) => console.log('steered', norm));
worker.on('error', (error) => console.log(error.message));
`;

/** As the manual has it. */
const THREADS_OF_MODULES = THREADS.replace("import { join } from 'node:path';\n", '').replace(
  "join(__dirname, 'worker.ts')",
  "new URL('./worker.ts', import.meta.url)",
);

/** Starts a program under --watch, edits the file with the block, and ends when the new value is printed. */
const WATCH = `import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
const child = spawn(process.execPath, ['--watch', '--import', 'onnsight/register', 'src/main.ts'], { stdio: ['ignore', 'pipe', 'inherit'] });
setTimeout(() => child.kill(), 120_000).unref();
let output = '';
child.stdout.on('data', (chunk) => {
  output += chunk;
  if (output.includes('steered 135.234')) child.kill();
  else if (output.includes('main.ts:3:') && !output.includes('edited')) {
    output += 'edited';
    writeFileSync('src/steer.ts', readFileSync('src/steer.ts', 'utf8').replace('norm())', 'norm() * 2)'));
  }
});
child.on('exit', () => console.log(output));
`;

const RUN = 'node --enable-source-maps out/main.mjs';
const TYPESCRIPT = ['typescript@5.9', 'ts-patch@3.3.0'];

/** The rows of a version of Node: what it runs itself, beside the hook. */
function onNode(version: string): Row[] {
  const node = './node_modules/.bin/node';
  const packages = [`node@${version}`];
  const threads = version === '20' ? 'Unknown file extension ".ts"' : 'steered 67.617';
  return [
    ...(['commonjs', 'module'] as const).flatMap((type): Row[] => [
      {
        name: `Node ${version}, ${type}`,
        packages,
        files: {
          ...program(type),
          ...(type === 'module' && { 'src/main.ts': MAIN.replace("'./steer'", "'./steer.ts'") }),
        },
        commands: [`${node} --import onnsight/register src/main.ts`],
        expects: PRINTS,
      },
      {
        name: `Node ${version}, worker threads, ${type}`,
        packages,
        files: {
          ...program(type),
          'src/worker.ts': type === 'module' ? WORKER.replace("'./steer'", "'./steer.ts'") : WORKER,
          'src/threads.ts': type === 'module' ? THREADS_OF_MODULES : THREADS,
        },
        commands: [`${node} --import onnsight/register src/threads.ts`],
        // Node 20 loads no TypeScript in a worker
        expects: [threads],
      },
    ]),
    {
      name: `Node ${version}, --test`,
      packages,
      files: { ...program('commonjs'), 'src/steer.test.ts': NODE_TEST },
      commands: [`${node} --import onnsight/register --test src/steer.test.ts`],
      expects: ['pass 1', 'fail 0'],
    },
    {
      name: `Node ${version}, --watch`,
      packages,
      files: { ...program('commonjs'), 'watch.mjs': WATCH },
      commands: [`${node} watch.mjs`],
      expects: [...PRINTS, 'steered 135.234'],
    },
  ];
}

export const ROWS: readonly Row[] = [
  ...['5.4', '5.9', '6.0'].map(
    (version): Row => ({
      name: `tspc with TypeScript ${version}`,
      packages: [`typescript@${version}`, 'ts-patch@3.3.0'],
      files: {
        ...program('module'),
        'src/main.ts': MAIN.replace("'./steer'", "'./steer.js'"),
        'tsconfig.json': tsconfig({
          module: 'NodeNext',
          moduleResolution: 'NodeNext',
          plugins: PLUGINS,
          ...(version === '6.0' ? { rootDir: 'src' } : {}),
        }),
      },
      commands: ['npx tspc -p .', 'node --enable-source-maps out/main.js'],
      expects: PRINTS,
    }),
  ),
  {
    name: 'onnsight build beside TypeScript 7',
    packages: ['typescript@7'],
    files: {
      ...program('module'),
      'src/main.ts': MAIN.replace("'./steer'", "'./steer.js'"),
      'tsconfig.json': tsconfig({ module: 'NodeNext', moduleResolution: 'NodeNext', rootDir: 'src' }),
    },
    commands: ['npx tsc -p . --noEmit', 'npx onnsight build', 'node --enable-source-maps out/main.js'],
    expects: PRINTS,
  },
  {
    name: 'ts-jest',
    packages: [...TYPESCRIPT, 'jest@30', 'ts-jest@29', '@types/jest@30'],
    files: {
      'package.json': packageJson('module'),
      'src/steer.ts': STEER,
      't/steer.test.ts': JEST,
      'tsconfig.json': tsconfig({ types: ['node', 'jest'], plugins: PLUGINS }),
      'jest.config.mjs': `export default { extensionsToTreatAsEsm: ['.ts'], transform: { '^.+\\\\.ts$': ['ts-jest', { useESM: true, compiler: 'ts-patch/compiler' }] } };`,
    },
    commands: ['NODE_OPTIONS=--experimental-vm-modules npx jest'],
    expects: ['1 passed'],
  },
  {
    name: 'ts-loader with ts-patch/compiler',
    packages: [...TYPESCRIPT, 'webpack', 'ts-loader'],
    files: {
      ...program('module'),
      'tsconfig.json': tsconfig({ plugins: PLUGINS }),
      'build.mjs': WEBPACK(`{ compiler: 'ts-patch/compiler' }`, ''),
    },
    commands: ['node build.mjs', RUN],
    expects: PRINTS,
  },
  {
    name: 'ts-loader behind onnsight.webpack()',
    packages: ['typescript@5.9', 'webpack', 'ts-loader'],
    files: { ...program('module'), 'tsconfig.json': tsconfig(), 'build.mjs': WEBPACK('{}', 'onnsight.webpack()') },
    commands: ['node build.mjs', RUN],
    expects: PRINTS,
  },
  {
    name: 'rollup-plugin-typescript2 behind onnsight.rollup()',
    packages: ['typescript@5.9', 'rollup@4', 'rollup-plugin-typescript2', 'tslib'],
    files: {
      ...program('module'),
      'tsconfig.json': tsconfig(),
      'build.mjs': ROLLUP('onnsight.rollup(), ts()', `import ts from 'rollup-plugin-typescript2';`),
    },
    commands: ['node build.mjs', RUN],
    expects: PRINTS,
  },
  {
    name: '@rollup/plugin-typescript beside onnsight.rollup()',
    packages: ['typescript@5.9', 'rollup@4', '@rollup/plugin-typescript', 'tslib'],
    files: {
      ...program('module'),
      'tsconfig.json': tsconfig(),
      'build.mjs': ROLLUP('onnsight.rollup(), ts()', `import ts from '@rollup/plugin-typescript';`),
    },
    commands: ['node build.mjs', RUN],
    expects: PRINTS,
  },
  {
    name: 'ts-node with ts-patch/compiler',
    packages: [...TYPESCRIPT, 'ts-node'],
    files: {
      ...program('commonjs'),
      'tsconfig.json': tsconfig(
        { module: 'NodeNext', moduleResolution: 'NodeNext', plugins: PLUGINS },
        { 'ts-node': { compiler: 'ts-patch/compiler' } },
      ),
    },
    commands: ['npx ts-node src/main.ts'],
    expects: PRINTS,
  },
  ...(['commonjs', 'module'] as const).map(
    (type): Row => ({
      name: `tsx, ${type}`,
      packages: ['tsx@4'],
      files: program(type),
      commands: ['npx tsx --import onnsight/register src/main.ts'],
      expects: PRINTS,
    }),
  ),
  ...['20', '22', '24'].flatMap(onNode),
  {
    name: 'Next.js',
    packages: ['next@16', 'react@19', 'react-dom@19', '@types/react@19', 'typescript@6'],
    files: {
      ...program('module'),
      'next.config.mjs': NEXT_CONFIG,
      'app/layout.tsx':
        'export default ({ children }: { children: React.ReactNode }) => <html><body>{children}</body></html>;\n',
      'app/api/steer/route.ts': ROUTE,
    },
    commands: ['npx next build --webpack', 'cat .next/server/app/api/steer.body'],
    expects: ['steered 67.617', 'route.ts:3:'],
  },
  {
    name: 'mocha',
    packages: ['mocha@11', '@types/mocha'],
    files: {
      ...program('commonjs'),
      'src/steer.test.ts': NODE_TEST.replace("import test from 'node:test';\n", '').replace("test('", "it('"),
    },
    commands: [`NODE_OPTIONS='--import onnsight/register' npx mocha --timeout 60000 src/steer.test.ts`],
    expects: ['1 passing'],
  },
];
