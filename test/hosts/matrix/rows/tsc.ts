import {
  BREAKS,
  MAIN,
  NODE_NEXT,
  PLUGINS,
  PRINTS,
  packageJson,
  program,
  RUN,
  STEER,
  TYPESCRIPT,
  tsconfig,
} from '../program.ts';
import type { Row } from '../row.ts';

const files = {
  ...program('module', '.js'),
  'tsconfig.json': tsconfig({ ...NODE_NEXT, plugins: PLUGINS }),
};

/** What a type error in the program is to each of them. */
const MISTAKE = { ...files, 'src/mistake.ts': 'export const text: string = 1;\n' };

/** The parts of the package that programs import, and what a program makes of one. */
const SUBPATHS = `import { patch } from 'onnsight/analysis';
import { loadBundle } from 'onnsight/bundle';
import { heatMap } from 'onnsight/plots';
import 'onnsight/register';
import type { serve } from 'onnsight/serve';
import { onnsight } from 'onnsight/unplugin';
import vite from 'onnsight/vite';
export const functions: ((...values: never[]) => unknown)[] = [patch, loadBundle, heatMap, vite, onnsight.rollup];
export type Serve = typeof serve;
`;

/** One file of JavaScript for two of TypeScript, and a loader of what it defines. */
const AMD = `const defined = new Map();
globalThis.define = (name, needs, make) => defined.set(name, { needs, make });
await import('./out/all.js');
async function load(name) {
  const module = defined.get(name);
  if (!module) return import(name);
  const exports = {};
  const given = await Promise.all(module.needs.map((need) => (need === 'exports' ? exports : need === 'require' ? null : load(need))));
  module.make(...given);
  return exports;
}
await load('main');
`;

/** A project of two, each with blocks: the program and what it steers with. */
const COMPOSITE = {
  'package.json': packageJson('module'),
  'tsconfig.json': JSON.stringify({ files: [], references: [{ path: './lib' }, { path: './src' }] }),
  'src/main.ts': MAIN.replace("'./steer'", "'../lib/out/steer.js'"),
  'src/tsconfig.json': tsconfig(
    { ...NODE_NEXT, composite: true, rootDir: '.', outDir: '../out', plugins: PLUGINS },
    { include: ['main.ts'], references: [{ path: '../lib' }] },
  ),
  'lib/steer.ts': STEER,
  'lib/tsconfig.json': tsconfig(
    { ...NODE_NEXT, composite: true, rootDir: '.', outDir: 'out', plugins: PLUGINS },
    { include: ['steer.ts'] },
  ),
};

/** The compilers of TypeScript, from the oldest to the newest that is taken. */
export const TSC: readonly Row[] = [
  ...['5.4', '5.9', '6.0'].flatMap((version): Row[] => {
    const tools = { packages: [], own: [`typescript@${version}`, 'ts-patch@3.3.0'] };
    // 6.0 is that of the tests (test/hosts, test/plugin), 5.9 is between the two
    const nightly = version !== '5.4';
    return [
      {
        name: `tspc with TypeScript ${version}`,
        ...tools,
        nightly: true,
        files: MISTAKE,
        commands: [
          `tspc -v | grep -F 'Version ${version}'`,
          `tspc -p . | grep -Fx "src/mistake.ts(1,14): error TS2322: Type 'number' is not assignable to type 'string'."`,
          'rm src/mistake.ts && tspc -p .',
          `${RUN}.js`,
        ],
        expects: [...PRINTS, BREAKS],
      },
      {
        name: `patched tsc, TypeScript ${version}`,
        ...tools,
        nightly,
        files,
        commands: ['ts-patch install', `tsc -v | grep -F 'Version ${version}'`, 'tsc -p .', `${RUN}.js`],
        expects: [...PRINTS, BREAKS],
      },
    ];
  }),
  {
    name: 'tspc as TypeScript resolved modules before package.json had exports',
    packages: TYPESCRIPT,
    files: {
      ...program('commonjs'),
      'src/subpaths.ts': SUBPATHS,
      'tsconfig.json': tsconfig({ module: 'CommonJS', moduleResolution: 'node10', plugins: PLUGINS }),
    },
    commands: ['tspc -p .', `${RUN}.js`],
    expects: [...PRINTS, BREAKS],
  },
  {
    name: 'tspc, AMD in one outFile',
    packages: TYPESCRIPT,
    files: {
      ...program('module'),
      'tsconfig.json': tsconfig({ module: 'AMD', moduleResolution: 'node10', outFile: 'out/all.js', plugins: PLUGINS }),
      'amd.mjs': AMD,
    },
    commands: ['tspc -p .', 'node --enable-source-maps amd.mjs'],
    expects: [...PRINTS, BREAKS],
  },
  ...[
    { name: 'tspc --build', command: 'tspc --build', packages: TYPESCRIPT },
    { name: 'onnsight build', command: 'onnsight build', packages: [] },
  ].map(
    ({ name, command, packages }): Row => ({
      name: `${name} of projects that refer to each other`,
      packages,
      files: COMPOSITE,
      commands: [command, `${RUN}.js`],
      expects: [...PRINTS, BREAKS],
    }),
  ),
  {
    name: 'onnsight build beside TypeScript 7',
    packages: [],
    own: ['typescript@7'],
    files: { ...files, 'tsconfig.json': tsconfig(NODE_NEXT) },
    commands: ["tsc -v | grep -F 'Version 7'", 'tsc -p . --noEmit', 'onnsight build', `${RUN}.js`],
    expects: [...PRINTS, BREAKS],
  },
  {
    name: 'TypeScript 7 beside ts-patch, which ends before it reads the configuration',
    packages: [],
    own: ['typescript@7', 'ts-patch@3.3.0'],
    files: { ...files, 'tsconfig.json': tsconfig({ ...NODE_NEXT, plugins: PLUGINS }) },
    commands: ['! tspc -p . 2> said.txt && grep -F "reading \'LineFeed\'" said.txt', 'tsc -p .', `${RUN}.js || true`],
    expects: ['steer.ts:3:', 'npx onnsight build'],
  },
];
