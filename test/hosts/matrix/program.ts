/** Its fifth line has the breakpoint. */
export const STEER = `import { type LanguageModel, save } from 'onnsight';
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
export const MAIN = `import { LanguageModel, save } from 'onnsight';
import { steer } from './steer';
const wrong = (lm: LanguageModel) => lm.trace('The', () => save(lm.transformer.h[0].output.reshape([3, 3])));
async function main() {
  const lm = await LanguageModel.load('toy-gpt2');
  console.log('steered', (await steer(lm, 2)).toFixed(3));
  await wrong(lm).catch((error: Error) => console.log(error.message));
}
main();
`;

/** The right value, and the right line in errors. */
export const PRINTS = ['steered 67.617', 'main.ts:3:'];

/** A debugger that stops at the line of the block, and the variables that it shows there. */
export const BREAKS = 'breakpoint at steer.ts:5 shows alpha, layer, lm';

export const packageJson = (type: 'module' | 'commonjs') => JSON.stringify({ name: 'mine', version: '1.0.0', type });

/** The program, which imports without an extension or with the one that is given. */
export function program(type: 'module' | 'commonjs', extension = ''): Record<string, string> {
  return {
    'package.json': packageJson(type),
    'src/main.ts': MAIN.replace("'./steer'", `'./steer${extension}'`),
    'src/steer.ts': STEER,
  };
}

const OPTIONS = {
  target: 'ES2022',
  module: 'ESNext',
  moduleResolution: 'bundler',
  strict: true,
  noImplicitAny: false,
  skipLibCheck: true,
  types: ['node'],
  sourceMap: true,
  rootDir: 'src',
  outDir: 'out',
};

export const PLUGINS = [{ transform: 'onnsight/plugin', transformProgram: true }];

export function tsconfig(options: object = {}, more: object = {}): string {
  return JSON.stringify({ compilerOptions: { ...OPTIONS, ...options }, include: ['src'], ...more });
}

/** How Node resolves modules. */
export const NODE_NEXT = { module: 'NodeNext', moduleResolution: 'NodeNext' };

/** Runs what was built. */
export const RUN = 'node --enable-source-maps out/main';

/** TypeScript and ts-patch as the rows have them that need no other version. */
export const TYPESCRIPT = ['typescript@5.9', 'ts-patch@3.3.0'];
