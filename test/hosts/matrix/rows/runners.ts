import { BREAKS, NODE_NEXT, PLUGINS, PRINTS, packageJson, program, STEER, TYPESCRIPT, tsconfig } from '../program.ts';
import type { Row } from '../row.ts';

const TYPES = ['commonjs', 'module'] as const;

/** What Node itself takes: it wants extensions where modules are imported. */
const forNode = (type: 'module' | 'commonjs') => program(type, type === 'module' ? '.ts' : '');

const WORKER = (extension: string) => `import { parentPort } from 'node:worker_threads';
import { LanguageModel } from 'onnsight';
import { steer } from './steer${extension}';
async function work() {
  const lm = await LanguageModel.load('toy-gpt2');
  parentPort!.postMessage((await steer(lm, 2)).toFixed(3));
  lm[Symbol.dispose]();
}
work();
`;

/** As the manual has it. */
const THREADS = `import { Worker } from 'node:worker_threads';
const worker = new Worker(new URL('./worker.ts', import.meta.url));
worker.on('message', (norm) => console.log('steered', norm));
worker.on('error', (error) => console.log(error.message));
`;

const THREADS_OF_COMMONJS = THREADS.replace('\n', "\nimport { join } from 'node:path';\n").replace(
  "new URL('./worker.ts', import.meta.url)",
  "join(__dirname, 'worker.ts')",
);

/** A CommonJS package that requires files with blocks, two of which require each other. */
const CYCLE = {
  'package.json': packageJson('commonjs'),
  'src/main.cjs': `const { main } = require('./main.ts');
main();
`,
  'src/main.ts': `import { LanguageModel, save } from 'onnsight';
import { norm } from './norm';
export const layer = (lm: LanguageModel) => lm.transformer.h[0];
export async function main() {
  const lm = await LanguageModel.load('toy-gpt2');
  console.log('steered', (await norm(lm)).toFixed(3));
  const half = await lm.trace('The', () => save((layer(lm).output.norm() as any).to('float16')));
  console.log('half', half.item());
  const wrong = lm.trace('The', () => save(layer(lm).output.reshape([3, 3])));
  await wrong.catch((error: Error) => console.log(error.message));
}
`,
  'src/norm.ts': `import { type LanguageModel, save } from 'onnsight';
import * as main from './main';
export async function norm(lm: LanguageModel) {
  const { norm } = await lm.trace('The Eiffel Tower is in the city of', () => {
    main.layer(lm).output[':, -1'] *= 2;
    return { norm: save(main.layer(lm).output.norm()) };
  });
  return norm.item();
}
`,
};

/** The rows of a version of Node: what it runs itself, beside the hook. */
function onNode(version: string): Row[] {
  const own = process.versions.node.startsWith(`${version}.`);
  const node = {
    packages: own ? [] : [`node${version}@npm:node-${process.platform}-${process.arch}@${version}`],
    ...(own ? {} : { node: version }),
  };
  // Between the oldest and the newest.
  const nightly = version === '22' && !own;
  const run = `node -v | grep -F v${version}. && node --import onnsight/register`;
  return [
    ...TYPES.flatMap((type): Row[] => [
      {
        name: `Node ${version}, ${type}`,
        ...node,
        nightly,
        files: forNode(type),
        commands: [`${run} src/main.ts`],
        expects: [...PRINTS, BREAKS],
      },
      {
        name: `Node ${version}, worker threads, ${type}`,
        ...node,
        // Node 20 has none either way
        nightly: nightly || (version === '20' && type === 'commonjs'),
        files: {
          ...forNode(type),
          'src/worker.ts': WORKER(type === 'module' ? '.ts' : ''),
          'src/threads.ts': type === 'module' ? THREADS : THREADS_OF_COMMONJS,
        },
        commands: [`${run} src/threads.ts`],
        // Node 20 loads no TypeScript in a worker
        expects: version === '20' ? ['Unknown file extension ".ts"'] : ['steered 67.617', BREAKS],
      },
    ]),
    {
      name: `Node ${version}, require of files that require each other`,
      ...node,
      nightly: version !== '20',
      files: CYCLE,
      commands: [`${run} src/main.cjs`],
      // newer engines have an array of their own for halves, which ONNX Runtime then uses
      expects: ['steered 67.617', 'half 58.625', 'main.ts:9:'],
    },
  ];
}

/** Modules under aliases, and elements of JSX beside blocks and in one. */
const ALIASES = {
  'package.json': packageJson('module'),
  'tsconfig.json': tsconfig({
    jsx: 'react-jsx',
    jsxImportSource: 'preact',
    paths: { '@/*': ['./src/*'], '~steer': ['./src/steer.ts'] },
  }),
  'src/steer.ts': STEER,
  'src/main.tsx': `import { render } from 'preact-render-to-string';
import { LanguageModel, save } from 'onnsight';
import { steer } from '~steer';
import { steer as again } from '@/steer';
const lm = await LanguageModel.load('toy-gpt2');
const Steered = ({ norm }: { norm: number }) => <b>steered {norm.toFixed(3)}</b>;
const { views, half } = await lm.trace('The', () => {
  const views = [<i>in a block</i>];
  return { views, half: save(lm.transformer.h[0].output.norm() / 2) };
});
console.log(render(<p>{views} {half.item() > 0 ? <Steered norm={await steer(lm, 2)} /> : null}</p>), steer === again);
await lm.trace('The', () => save(lm.transformer.h[0].output.reshape([3, 3]))).catch((e: Error) => console.log(e.message));
`,
};

export const RUNNERS: readonly Row[] = [
  {
    name: 'ts-node with ts-patch/compiler',
    packages: [...TYPESCRIPT, 'ts-node@10'],
    files: {
      ...program('commonjs'),
      'src/mistake.ts': 'export const text: string = 1;\n',
      'tsconfig.json': tsconfig({ ...NODE_NEXT, plugins: PLUGINS }, { 'ts-node': { compiler: 'ts-patch/compiler' } }),
    },
    commands: [
      "! ts-node src/mistake.ts 2> said.txt && grep -F 'src/mistake.ts(1,14): error TS2322' said.txt",
      'ts-node src/main.ts',
    ],
    expects: [...PRINTS, BREAKS],
  },
  ...TYPES.map(
    (type): Row => ({
      name: `tsx, ${type}`,
      packages: ['tsx@4'],
      files: program(type),
      commands: ['tsx --import onnsight/register src/main.ts'],
      expects: [...PRINTS, BREAKS],
    }),
  ),
  {
    name: 'pnpm, aliases of modules, TSX',
    nightly: true,
    packages: ['pnpm@9'],
    files: ALIASES,
    commands: [
      'pnpm add --prefer-offline ../onnsight-*.tgz preact@10 preact-render-to-string@6',
      'node --import onnsight/register src/main.tsx',
    ],
    expects: ['<p><i>in a block</i> <b>steered 67.617</b></p> true', 'main.tsx:12:', BREAKS],
  },
  ...['20', '22', '24'].flatMap(onNode),
];
