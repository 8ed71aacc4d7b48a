import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inTurns, median, ratio, time } from '../measure.ts';
import { type Row, times } from '../row.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** `tspc` with the plugin against without, on a project of many files with a block each. */
export const transformer: Row = async ({ quick }) => {
  const files = quick ? 25 : 200;
  const folder = project(files);
  try {
    const compile = (config: string) => () => time(() => tspc(folder, config));
    const effort = { least: quick ? 1 : 2, most: quick ? 1 : 7, milliseconds: 60_000 };
    const turns = await inTurns(compile('with.json'), compile('without.json'), effort);
    const [lowered, left] = ['with', 'without'].map((out) => readFileSync(join(folder, out, 'file0.js'), 'utf8'));
    const isRight = lowered!.includes('onnsight/operators') && !left!.includes('onnsight/operators');
    if (!isRight) throw new Error('tspc did not compile the blocks with the plugin alone');
    return [
      {
        what: `tspc with the plugin against without, ${files} files with a block each`,
        result: ratio(turns),
        unit: '×',
        bar: 1.15,
        note: times(median(turns.ours), median(turns.plain)),
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
};

async function tspc(folder: string, config: string): Promise<void> {
  const program = join(ROOT, 'node_modules/ts-patch/bin/tspc.js');
  await promisify(execFile)(process.execPath, [program, '-p', config], { cwd: folder }).catch((error) => {
    throw new Error(`tspc -p ${config} failed:\n${error.stdout}`);
  });
}

/** A project like a user's, with the package installed. */
function project(files: number): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-bench-')));
  const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
  for (const name of ['node_modules', 'src']) mkdirSync(join(folder, name));
  symlinkSync(ROOT, join(folder, 'node_modules/onnsight'));
  symlinkSync(join(ROOT, 'node_modules/typescript'), join(folder, 'node_modules/typescript'));
  write('package.json', JSON.stringify({ type: 'module' }));
  for (let i = 0; i < files; i++) write(`src/file${i}.ts`, source(i));
  const plugins = [{ transform: 'onnsight/plugin', transformProgram: true }];
  for (const [name, options] of Object.entries({ with: { plugins }, without: {} })) {
    const compilerOptions = { target: 'es2022', module: 'nodenext', strict: true, skipLibCheck: true, types: [] };
    const more = { ...options, rootDir: 'src', outDir: name, sourceMap: true };
    write(`${name}.json`, JSON.stringify({ compilerOptions: { ...compilerOptions, ...more }, include: ['src'] }));
  }
  return folder;
}

/** A file with a block among ordinary code. */
function source(number: number): string {
  return `import { mean, NNsight, save } from 'onnsight';

interface Settings {
  readonly path: string;
  readonly layers: readonly number[];
  readonly strength: number;
}

const settings: Settings = { path: 'model${number}.onnx', layers: [${number}, ${number + 1}], strength: 0.${number} };

export function average(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return values.length > 0 ? total / values.length : Number.NaN;
}

export function describe(name: string, values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[0] ?? 0, sorted.at(-1) ?? 0];
  return \`\${name}: \${average(values).toFixed(3)} between \${low} and \${high}\`;
}

export async function steer${number}(input_ids: readonly number[][], threshold = settings.strength) {
  const model = await NNsight.load(settings.path);
  const { hidden, logits } = await model.trace({ input_ids: input_ids.map((row) => [...row]) }, () => {
    const layer = model.transformer.h[settings.layers[0] ?? 0];
    if (layer.output.norm() > threshold) layer.output = layer.output * 0.5 + mean(layer.input);
    for (const head of model.transformer.h) head.attn.output[':, -1'] *= settings.strength;
    return { hidden: save(layer.output), logits: save(model.lm_head.output['0, -1']) };
  });
  return describe('hidden', Array.from(hidden.data, Number)) + describe('logits', Array.from(logits.data, Number));
}
`;
}
