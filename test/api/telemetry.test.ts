import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NNsight, RemoteBackend } from 'onnsight';
import { afterAll, expect, it, onTestFinished, vi } from 'vitest';
import { linkOnnsight } from '../plugin/project.ts';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const MAIN = fileURLToPath(new URL('../../dist/plugin/cli/main.js', import.meta.url));
const project = mkdtempSync(join(tmpdir(), 'onnsight-home-'));
afterAll(() => rmSync(project, { recursive: true }));
linkOnnsight(project);
symlinkSync(
  fileURLToPath(new URL('../../node_modules/onnxruntime-node', import.meta.url)),
  join(project, 'node_modules/onnxruntime-node'),
);
writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
writeFileSync(join(project, 'tsconfig.json'), '{ "compilerOptions": { "module": "nodenext", "types": [] } }');

const x = '{ x: [[1, 2, 3, 4, 5]] }';
const PRINT = 'console.log(process.env.ORT_DISABLE_TELEMETRY);';
const trace = `
  const model = await NNsight.load(process.env.MLP, { device: 'cpu' });
  await model.trace(${x});
  ${PRINT}`;
const imported = `import { NNsight } from 'onnsight'; ${trace}`;

const worker = `
  import { Worker } from 'node:worker_threads';
  new Worker(\`import('onnsight').then(async ({ NNsight }) => {${trace}})\`, { eval: true });`;

writeFileSync(
  join(project, 'block.ts'),
  `import { intervention, NNsight, save } from 'onnsight';
export const doubled = intervention((model: any) => save(model.layer1.output * 2));
if (process.env.RUN) {
  const model: any = await NNsight.load(process.env.MLP!, { device: 'cpu' });
  await model.trace(${x}, () => save(model.layer1.output * 2));
  console.log(process.env.ORT_DISABLE_TELEMETRY);
}`,
);

let homes = 0;
/** The environment of a user whose folder has nothing in it. */
function emptyHome(own: Record<string, string> = {}) {
  const home = join(project, `home-${homes++}`);
  mkdirSync(home);
  const { ORT_DISABLE_TELEMETRY: _, ...rest } = process.env;
  const places = { HOME: home, XDG_CACHE_HOME: join(home, '.cache'), ONNSIGHT_CACHE: join(project, 'compiled') };
  return { home, env: { ...rest, ...places, MLP, ...own } };
}

function printed(env: NodeJS.ProcessEnv, ...args: string[]): string {
  return execFileSync(process.execPath, args, { encoding: 'utf8', env, cwd: project }).trim();
}

it.each([
  ['import', ['--input-type=module', '-e', imported]],
  ['require', ['--input-type=commonjs', '-e', `const { NNsight } = require('onnsight'); (async () => {${trace}})()`]],
  ['the register hook', ['--import', 'onnsight/register', 'block.ts']],
  ['ONNX Runtime, imported before', ['--input-type=module', '-e', `import 'onnxruntime-node'; ${imported}`]],
  [
    'tensors outside of blocks',
    ['--input-type=module', '-e', `import { Tensor, exp } from 'onnsight'; exp(Tensor.from([1])); ${PRINT}`],
  ],
  ['a worker thread of a program that has the package', ['--input-type=module', '-e', `import 'onnsight'; ${worker}`]],
  ['a worker thread under the register hook', ['--import', 'onnsight/register', '--input-type=module', '-e', worker]],
])('ONNX Runtime reports nothing, by %s', (_, args) => {
  const { home, env } = emptyHome({ RUN: '1' });
  expect(printed(env, ...args)).toBe('1');
  expect(readdirSync(home)).toEqual([]);
});

it('nor by the command line and a bundle', () => {
  const { home, env } = emptyHome();
  printed(env, MAIN, 'compile', 'block.ts', '--model', MLP, '--out', 'out');
  const run = `import { loadBundle } from 'onnsight/bundle'; await (await loadBundle('out/doubled'))(${x});`;
  const own = `import { doubled } from './out/doubled/doubled.js'; await doubled(${x});`;
  for (const program of [run, own]) {
    expect(printed(env, '--input-type=module', '-e', `${program} ${PRINT}`)).toBe('1');
  }
  expect(readdirSync(home)).toEqual([]);
});

it('nor by a server', async () => {
  const { home, env } = emptyHome();
  const served = spawn(process.execPath, [MAIN, 'serve', MLP, '--port', '0'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void served.kill('SIGKILL'));
  let log = '';
  served.stdout.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const url = await vi.waitFor(() => /^(http\S+) serves /m.exec(log)![1]!, 20_000);
  const model = await NNsight.load(MLP);
  await model.trace({ x: [[1, 2, 3, 4, 5]] }, { backend: new RemoteBackend(url) });
  expect(readdirSync(home)).toEqual([]);
});

it('a worker thread that has the package alone cannot set the variable, and says so', () => {
  const { env } = emptyHome();
  const run = (own: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', worker], { encoding: 'utf8', env: own, cwd: project });
  expect(run(env).stderr).toMatch(/ONNX Runtime's telemetry may be on: .*ORT_DISABLE_TELEMETRY=1/);
  expect(run({ ...env, ORT_DISABLE_TELEMETRY: '1' }).stderr).toBe('');
});

it('a program that sets the variable itself keeps its value', () => {
  const { env } = emptyHome({ ORT_DISABLE_TELEMETRY: '0' });
  expect(printed(env, '--input-type=module', '-e', imported)).toBe('0');
});
