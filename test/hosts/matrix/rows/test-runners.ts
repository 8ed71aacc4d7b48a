import { BREAKS, PLUGINS, packageJson, program, STEER, TYPESCRIPT, tsconfig } from '../program.ts';
import type { Row } from '../row.ts';

/** A test in the manner of mocha, jest and vitest. */
const TEST = (imports: string, extension = '') => `${imports}
import { LanguageModel, save } from 'onnsight';
import { steer } from './steer${extension}';
const fail = (text: string) => { throw new Error(text); };
it('a block in a test, and one in a module', async () => {
  const lm = await LanguageModel.load('toy-gpt2');
  const steered = (await steer(lm, 2)).toFixed(3);
  if (steered !== '67.617') fail(steered);
  const norm = await lm.trace('The', () => save(lm.transformer.h[0].output.norm() * 0));
  if (norm.item() !== 0) fail(String(norm.item()));
  const wrong = lm.trace('The', () => save(lm.transformer.h[0].output.reshape([3, 3])));
  const message = await wrong.catch((error: Error) => error.message);
  if (!String(message).includes('steer.test.ts:11:')) fail(String(message));
}, 60_000);
`;

const REGISTER = '--import onnsight/register';

export const JEST = `export default { testEnvironment: 'node', extensionsToTreatAsEsm: ['.ts'], transform: { '^.+\\.ts$': ['ts-jest', { useESM: true, compiler: 'ts-patch/compiler' }] } };`;

export const AVA =
  "export default { extensions: { ts: 'module' }, nodeArguments: ['--import=onnsight/register'], workerThreads: false, timeout: '60s' };\n";

/** ts-jest in either kind of package: it compiles to ES modules. */
const jest = (type: 'module' | 'commonjs'): Row => ({
  name: `ts-jest, ${type}`,
  nightly: type === 'commonjs',
  packages: [...TYPESCRIPT, 'jest@30', 'ts-jest@29', '@types/jest@30'],
  files: {
    'package.json': packageJson(type),
    'src/steer.ts': STEER,
    'src/steer.test.ts': TEST(''),
    'tsconfig.json': tsconfig({ types: ['node', 'jest'], plugins: PLUGINS }),
    'jest.config.mjs': JEST,
  },
  commands: ['NODE_OPTIONS="$NODE_OPTIONS --experimental-vm-modules" jest --runInBand'],
  expects: ['1 passed', BREAKS],
});

export const TEST_RUNNERS: readonly Row[] = [
  jest('module'),
  jest('commonjs'),
  {
    name: 'vitest',
    packages: ['vitest@4.1.11'],
    files: {
      ...program('module'),
      'src/steer.test.ts': TEST("import { it } from 'vitest';"),
      'vitest.config.ts': "import onnsight from 'onnsight/vite';\nexport default { plugins: [onnsight()] };\n",
    },
    commands: ['vitest run'],
    expects: ['1 passed', BREAKS],
  },
  {
    name: 'mocha',
    packages: ['mocha@11', '@types/mocha@10'],
    files: { ...program('commonjs'), 'src/steer.test.ts': TEST('') },
    commands: [`NODE_OPTIONS="$NODE_OPTIONS ${REGISTER}" mocha --timeout 60000 src/steer.test.ts`],
    expects: ['1 passing', BREAKS],
  },
  {
    name: 'AVA',
    packages: ['ava@6'],
    files: {
      ...program('module', '.ts'),
      'src/steer.test.ts': TEST("import test from 'ava';", '.ts')
        .replace("it('", "test('")
        .replace('async () => {\n  const lm', 'async (t) => {\n  const lm')
        .replace('\n}, 60_000);', '\n  t.pass();\n});'),
      'ava.config.js': AVA,
    },
    commands: ['ava'],
    expects: ['1 test passed', BREAKS],
  },
  ...(['commonjs', 'module'] as const).map(
    (type): Row => ({
      name: `node --test, ${type}`,
      packages: [],
      files: {
        ...program(type),
        'src/steer.test.ts': TEST("import { it } from 'node:test';", type === 'module' ? '.ts' : ''),
      },
      commands: [`node ${REGISTER} --test src/steer.test.ts`],
      expects: ['pass 1', 'fail 0', BREAKS],
    }),
  ),
];
