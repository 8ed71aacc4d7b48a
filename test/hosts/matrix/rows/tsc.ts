import { BREAKS, NODE_NEXT, PLUGINS, PRINTS, program, RUN, TYPESCRIPT, tsconfig } from '../program.ts';
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

/** The compilers of TypeScript, from the oldest to the newest that is taken. */
export const TSC: readonly Row[] = [
  ...['5.4', '5.9', '6.0'].flatMap((version): Row[] => {
    const tools = { packages: [], own: [`typescript@${version}`, 'ts-patch@3.3.0'] };
    return [
      {
        name: `tspc with TypeScript ${version}`,
        ...tools,
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
    name: 'onnsight build beside TypeScript 7',
    packages: [],
    own: ['typescript@7'],
    files: { ...files, 'tsconfig.json': tsconfig(NODE_NEXT) },
    commands: ["tsc -v | grep -F 'Version 7'", 'tsc -p . --noEmit', 'onnsight build', `${RUN}.js`],
    expects: [...PRINTS, BREAKS],
  },
  {
    name: 'TypeScript 7 alone',
    packages: [],
    own: ['typescript@7'],
    files: { ...files, 'tsconfig.json': tsconfig({ ...NODE_NEXT, plugins: PLUGINS }) },
    commands: ['tsc -p .', `${RUN}.js || true`],
    expects: ['steer.ts:3:', 'npx onnsight build'],
  },
];
