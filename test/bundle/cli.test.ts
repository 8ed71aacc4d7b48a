import { execFile, spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { loadBundle, type Tensor } from 'onnsight/bundle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { linkOnnsight, userEnvironment } from '../plugin/project.ts';
import { COMPILERS } from '../types/compilers.ts';
import { TOY_MODEL } from './support/build.ts';

const MAIN = join(ROOT, 'dist/plugin/cli/main.js');
const COMMANDS = join(ROOT, 'test/support/commands.mjs');

/** A project of a user. */
const project = mkdtempSync(join(ROOT, 'test/bundle/out-'));
afterAll(() => rmSync(project, { recursive: true, force: true }));

linkOnnsight(project);
mkdirSync(join(project, 'src'));
writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
writeFileSync(
  join(project, 'tsconfig.json'),
  JSON.stringify({
    compilerOptions: {
      target: 'es2022',
      module: 'nodenext',
      strict: true,
      skipLibCheck: true,
      types: [],
      noEmit: true,
      allowImportingTsExtensions: true,
    },
    include: ['src', 'use.ts'],
  }),
);
const write = (name: string, text: string) => writeFileSync(join(project, name), text);
write(
  'src/steer.ts',
  `import { intervention, type LanguageModel, save } from 'onnsight';
import { LAYER } from './layer.ts';

export const steer = intervention({ alpha: 'float32' }, (gpt2: LanguageModel, { alpha }) => {
  if (alpha > 2) gpt2.transformer.h[LAYER].output *= alpha;
  return { logits: save(gpt2.lm_head.output) };
});

const scaled = (layer: number) =>
  intervention({ by: 'float32[128]' }, (gpt2: LanguageModel, { by }) => {
    gpt2.transformer.h[layer].output *= by;
    console.log(by);
    return save(gpt2.lm_head.output['0, -1']);
  });
export const second = scaled(2);
`,
);
write('src/layer.ts', 'export const LAYER = 1;\n');
write(
  'src/wrong.ts',
  `import { intervention, type LanguageModel, save } from 'onnsight';
export const tooDeep = intervention((gpt2: LanguageModel) => {
  gpt2.transformer.h[9].output *= 2;
  return save(gpt2.lm_head.output);
});
export const misspelt = intervention({ alpha: 'float23' as 'float32' }, (gpt2: LanguageModel, { alpha }) =>
  save(gpt2.lm_head.output * alpha),
);
export const right = intervention((gpt2: LanguageModel) => save(gpt2.lm_head.output));
`,
);
write('src/none.ts', 'export const nothing = 1;\n');
write(
  'use.ts',
  `import { steer } from './out/steer/steer.js';
const { logits } = await steer({ input_ids: [[1, 2]], alpha: 3 });
console.log(JSON.stringify(logits.dims));
// @ts-expect-error alpha is missing
steer({ input_ids: [[1, 2]] });
// @ts-expect-error there is no such result
(await steer({ input_ids: [[1, 2]], alpha: 3 })).hidden;
`,
);

interface Ended {
  readonly code: number;
  readonly output: string;
}

function run(file: string, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: project, env: userEnvironment() };
    execFile(process.execPath, [file, ...args], options, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? 1) : 0;
      resolve({ code, output: (stdout + stderr).replace(/\d+\.\d s\b/g, 'N s') });
    });
  });
}

const compile = (...args: string[]) => run(MAIN, 'compile', ...args, '--model', TOY_MODEL, '--out', 'out');

describe('onnsight compile', () => {
  it('writes a bundle for each exported intervention of a glob', async () => {
    const { code, output } = await compile('src/s*.ts');
    expect(output).toContain('[1/2] steer  src/steer.ts:4:14  done  N s');
    expect(output).toContain('[2/2] second  src/steer.ts:15:14  done  N s');
    expect(output).toMatch(/note: Logged lines, and saves/);
    expect(output).toMatch(/steer +1\d\d kB +3\.5 MB in model\.onnx +out\/steer/);
    expect(code).toBe(0);
    const out = join(project, 'out/steer');
    expect(readdirSync(out).sort()).toEqual([
      'bundle.json',
      'model.onnx',
      'package.json',
      'steer.d.ts',
      'steer.js',
      'steer.onnx',
    ]);
    // ONNX's tools refuse weights that are hard links
    expect(statSync(join(out, 'model.onnx'))).toMatchObject({ nlink: 1, size: statSync(TOY_MODEL).size });
    const bundle = await loadBundle(out);
    expect(bundle.manifest.source).toEqual({ file: 'src/steer.ts', line: 4, column: 14 });
    expect(bundle.manifest.writes).toEqual([
      { tensor: 'transformer.h.1.output', source: { file: 'src/steer.ts', line: 5, column: 18 } },
    ]);
    await bundle.release();
  });

  it('the loader has types, with TypeScript 6 and 7, and runs without the compiler', async () => {
    for (const [version, compiler] of Object.entries(COMPILERS)) {
      const { output, code } = await run(compiler, '-p', '.');
      expect(output, version).toBe('');
      expect(code).toBe(0);
    }
    write(
      'run.mjs',
      `import steer from './out/steer/steer.js';
const { logits } = await steer({ input_ids: [[1, 2]], alpha: 3 });
console.log(JSON.stringify(logits.dims));
`,
    );
    expect((await run(join(project, 'run.mjs'))).output).toBe('[1,2,189]\n');
  });

  it('--check tells whether bundles are current: the same input makes the same bytes', async () => {
    expect(await compile('src/steer.ts', '--check')).toMatchObject({
      code: 0,
      output: expect.stringContaining('steer  src/steer.ts:4:14  current'),
    });
    write('src/layer.ts', 'export const LAYER = 2;\n');
    const stale = await compile('src/steer.ts', '--check');
    expect(stale.output).toMatch(/steer .* not current: steer\.onnx is out of date/);
    expect(stale.output).toMatch(/second .* current/);
    expect(stale.code).toBe(1);
    write('src/layer.ts', 'export const LAYER = 1;\n');
    appendFileSync(join(project, 'out/second/second.js'), '// mine');
    rmSync(join(project, 'out/steer/steer.d.ts'));
    const { output } = await compile('src/steer.ts', '--check');
    expect(output).toMatch(/not current: steer\.d\.ts is missing/);
    expect(output).toMatch(/not current: second\.js is out of date/);
  });

  it('--weights embed and --optimize leave one file, and what was linked before goes', async () => {
    const { code, output } = await compile('src/steer.ts', '--weights', 'embed', '--optimize');
    expect(output).toMatch(/steer +3\.\d MB +inside +out\/steer/);
    expect(code).toBe(0);
    expect(readdirSync(join(project, 'out/steer')).sort()).toEqual([
      'bundle.json',
      'package.json',
      'steer.d.ts',
      'steer.js',
      'steer.onnx',
    ]);
  });

  it('--triton writes a model repository, --tokenizer a tokenizer beside the model', async () => {
    const args = ['compile', 'src/steer.ts', '-m', TOY_MODEL, '--out', 'repository', '--triton', '--tokenizer'];
    expect((await run(MAIN, ...args)).code).toBe(0);
    const config = readFileSync(join(project, 'repository/steer/config.pbtxt'), 'utf8');
    expect(config).toContain('name: "steer"\nbackend: "onnxruntime"\ndefault_model_filename: "steer.onnx"\n');
    expect(config).toContain('input [ { name: "input_ids" data_type: TYPE_INT64 dims: [ -1, -1 ] } ]');
    expect(config).toContain(
      'input [ { name: "past_key_values.0.key" data_type: TYPE_FP32 dims: [ -1, 4, -1, 32 ] } ]',
    );
    expect(config).toContain('input [ { name: "alpha" data_type: TYPE_FP32 dims: [ 1 ] reshape: { shape: [ ] } } ]');
    expect(config).toContain('output [ { name: "logits" data_type: TYPE_FP32 dims: [ -1, -1, 189 ] } ]');
    const bundle = await loadBundle<unknown, { logits: Tensor }>(join(project, 'repository/steer/1'));
    const { logits } = await bundle({ text: 'The Louvre is in', alpha: 1 });
    expect(logits.dims).toEqual([1, bundle.tokenizer!.encode('The Louvre is in').ids.length, 189]);
    await bundle.release();
  });

  it('prints what tsc has against the types, at its lines, and builds all the same', async () => {
    write('src/env.d.ts', 'declare const GIVEN: number;\n');
    write('src/mistyped.ts', "export const half: number = 'half';\nexport const given = () => GIVEN;\n");
    write(
      'src/typed.ts',
      `import { intervention, type LanguageModel, save } from 'onnsight';
import { half } from './mistyped.ts';
export const typed = intervention((gpt2: LanguageModel) => {
  const factor: string = half ? 0.5 : 1;
  gpt2.transformer.h[1].output *= Number(factor);
  return save(gpt2.lm_head.output);
});
`,
    );
    const { code, output } = await compile('src/typed.ts');
    for (const name of ['env.d', 'mistyped', 'typed']) rmSync(join(project, `src/${name}.ts`));
    rmSync(join(project, 'out/typed'), { recursive: true });
    expect(output).toMatch(
      /type errors, as tsc has them:\n {2}src\/typed\.ts:4:9 - TS2322: Type 'number' is not assignable/,
    );
    expect(output).toContain("src/mistyped.ts:1:14 - TS2322: Type 'string' is not assignable to type 'number'.");
    expect(output.match(/- TS\d+/g)).toHaveLength(2);
    expect(output).toMatch(/typed .* done/);
    expect(code).toBe(0);
  });

  it('finds interventions through the tsconfig, goes on after one that fails, and names its line', async () => {
    const { code, output } = await compile();
    expect(output).toContain('5 interventions for');
    expect(output).toMatch(/tooDeep {2}src\/wrong\.ts:2:14 {2}failed/);
    expect(output).toMatch(/src\/wrong\.ts:3:\d+ - no module transformer\.h\.9.*indices run from -4 to 3/);
    expect(output).toMatch(/steer .* done/);
    // one of the same file that cannot even be made
    expect(output).toMatch(/misspelt .* failed[\s\S]*src\/wrong\.ts:6:\d+ - The parameter 'alpha' is declared as/);
    expect(output).toMatch(/right .* done/);
    expect(code).toBe(1);
  });

  /** Those that the command line itself refuses end the process. */
  const refused: [string, string[], RegExp][] = [
    ['no model', ['compile', 'src/steer.ts'], /required option '-m, --model <file>' not specified/],
    ['another way with weights', ['compile', '-m', TOY_MODEL, '-w', 'copy'], /Allowed choices are link, embed/],
    ['two modes', ['compile', '-m', TOY_MODEL, '--watch', '--check'], /--watch and --check cannot go together/],
    ['an unknown option', ['compile', '-m', TOY_MODEL, '--optimise'], /unknown option '--optimise'[\s\S]*--optimize/],
    ['an unknown command', ['bild'], /unknown command 'bild'/],
  ];
  const failing: [string, string[], RegExp][] = [
    ['a model that is not there', ['compile', '-m', 'x.onnx'], /^error: no such file: x\.onnx/],
    [
      'a file in the place of the folder',
      ['compile', '-m', TOY_MODEL, '--out', TOY_MODEL],
      /is a file\. Name a folder/,
    ],
    ['a file that is not there', ['compile', 'x.ts', '-m', TOY_MODEL], /^error: No file matches x\.ts/],
    [
      'a file without any',
      ['compile', 'src/none.ts', '-m', TOY_MODEL],
      /No intervention is exported in src\/none\.ts\. Write:/,
    ],
    ['a tsconfig that is not there', ['compile', '-m', TOY_MODEL, '-p', 'x.json'], /^error: There is no x\.json/],
    [
      'a file behind --tokenizer',
      ['compile', '-m', TOY_MODEL, '-t', 'src/steer.ts'],
      /^error: --tokenizer takes the word/,
    ],
  ];
  const ended = new Map<string, Ended>();
  beforeAll(async () => {
    const commands = failing.map(([, args]) => args);
    const { output } = await run(COMMANDS, MAIN, JSON.stringify(commands));
    for (const [i, one] of (JSON.parse(output) as Ended[]).entries()) ended.set(failing[i]![0], one);
  });
  it.each([...refused, ...failing])('%s is an error that says so', async (name, args, message) => {
    const { code, output } = ended.get(name) ?? (await run(MAIN, ...args));
    expect(output).toMatch(message);
    expect(output).not.toMatch(/\n {4}at /);
    expect(code).toBe(1);
  });

  it('--watch compiles again when an imported file changes', async () => {
    const args = [MAIN, 'compile', 'src/steer.ts', '--watch', '--model', TOY_MODEL, '--out', 'watched'];
    const child = spawn(process.execPath, args, { cwd: project, env: userEnvironment() });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    const rounds = async (count: number) => {
      for (let i = 0; i < 400 && output.split('Watching').length <= count; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(output.split('Watching').length, output).toBeGreaterThan(count);
      return readFileSync(join(project, 'watched/steer/steer.onnx')).toString('base64');
    };
    try {
      const first = await rounds(1);
      write('src/layer.ts', 'export const LAYER = 3;\n');
      expect(await rounds(2)).not.toBe(first);
    } finally {
      child.kill();
    }
  });
});
