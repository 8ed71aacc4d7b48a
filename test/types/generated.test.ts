import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isMember } from '../../runtime/api/members.ts';
import { declareModules } from '../../runtime/modules/declarations.ts';
import { type Module, walk } from '../../runtime/modules/module.ts';
import { parameters } from '../../runtime/modules/parameters.ts';
import { buildTree } from '../../runtime/modules/tree.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { FILES, modelPath, reference, TOY } from '../support/fixtures.ts';
import { COMPILERS, check, errorsWantedIn, expectMistakes, ROOT } from './compilers.ts';

const MAIN = join(ROOT, 'dist/plugin/cli/main.js');
const FIXTURES = join(ROOT, 'test/fixtures/types/generated');
const MISTAKES = join(FIXTURES, 'mistakes.ts');
const folder = mkdtempSync(join(ROOT, 'test/types/out-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ZOO = FILES.filter(([name]) => name.startsWith('zoo/'));
const MODELS = [
  ['toy', TOY] as const,
  ...ZOO.map(([name, exporter]) => [`${name.replace(/.*\//, '')}-${exporter}`, modelPath(name, exporter)] as const),
];

/** `transformer.h.0.mlp` → `.transformer.h[0].mlp`, as users write it; what is called as a member is, with `get`. */
const access = (path: string) =>
  (path === '' ? '' : `.${path}`).replace(/\.(\d+)(?=\.|$)/g, '[$1]').replace(/\.(output)(?=\.|$)/g, ".get('$1')");

/** A program that reads all that a model has, with a name that is wrong beside each module's. */
function program(type: string, declarations: string, model: OnnxModel): string {
  const tree = buildTree(model);
  const paths = new Set([...walk(tree)].map(({ path }) => path));
  const ofModules = [...parameters(model).keys()].filter((path) => paths.has(path.slice(0, path.lastIndexOf('.'))));
  const lines = [
    "import { NNsight, type Traced } from 'onnsight';",
    `import type { ${type} } from './${declarations}.js';`,
    `const model = await NNsight.load<${type}>('model.onnx');`,
    'let tensor: Traced;',
    ...[...walk(tree)].flatMap((module) => readModule(module)),
    ...ofModules.map((path) => `tensor = model${access(path)};`),
    'tensor;',
  ];
  return lines.join('\n');
}

function readModule({ path, operations, calls, list, children }: Module): string[] {
  const at = `model${access(path)}`;
  return [
    `tensor = ${at}.output;`,
    `${at}.output *= 2;`,
    ...operations.map(({ name }) => `tensor = ${at}.ops.${name}.output;`),
    ...calls.map((_, i) => `tensor = ${at}.calls[${i}].output;`),
    ...(list ? [`for (const child of ${at}) child.output *= 2;`, `tensor = ${at}[-${children.size}].output;`] : []),
    '// @ts-expect-error',
    `${at}.no_such_module;`,
    '// @ts-expect-error',
    `${at}.ops.NoSuchOperation;`,
  ];
}

const models = await Promise.all(MODELS.map(async ([name, path]) => ({ name, path, model: await readModel(path) })));

describe('the types of a model', () => {
  it('are written for models of both exporters, and the same every time', { timeout: 60_000 }, async () => {
    for (const { name, path, model } of models) {
      const text = declareModules(model, { name: 'Tree', isMember });
      expect(declareModules(await readModel(path), { name: 'Tree', isMember })).toBe(text);
      writeFileSync(join(folder, `${name}.d.ts`), text);
      writeFileSync(join(folder, `read-${name}.ts`), program('Tree', name, model));
    }
  });

  it('have every module that PyTorch saw, but for those that are not in the file', () => {
    for (const [name, exporter] of ZOO) {
      const text = readFileSync(join(folder, `read-${name.replace(/.*\//, '')}-${exporter}.ts`), 'utf8');
      const seen = Object.keys(reference(name).modules).filter((path) => !/drop(out)?$/.test(path));
      const missing = seen.filter((path) => !text.includes(`tensor = model${access(path)}.output;`));
      expect(missing, name).toEqual([]);
    }
  });

  it('of the toy are those that the programs below use', () => {
    const args = [MAIN, 'types', join(ROOT, 'models/toy-gpt2'), '--out', join(FIXTURES, 'toy-gpt2.d.ts'), '--check'];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toContain('toy-gpt2.d.ts  current');
  });
});

describe.each(Object.entries(COMPILERS))('%s', { timeout: 120_000 }, (version, compiler) => {
  const own = join(folder, version);
  mkdirSync(own);

  const steer = join(FIXTURES, 'steer.ts');

  it('finds no error in programs that read all modules, parameters, operations and calls, or use operators, slices and loops, and each mistake for its own reason', () => {
    const right = [...models.map(({ name }) => join(folder, `read-${name}.ts`)), steer];
    expect(errorsWantedIn(MISTAKES).length).toBeGreaterThan(15);
    expectMistakes(check(compiler, own, [...right, MISTAKES]), MISTAKES);
  });

  it('finds no error in operators, slices and loops with less strictness', () => {
    expect(check(compiler, own, [steer], { noUncheckedIndexedAccess: false, exactOptionalPropertyTypes: false })).toBe(
      '',
    );
  });
});

it('the declarations themselves have no errors, which `skipLibCheck` would hide', { timeout: 120_000 }, () => {
  const programs = models.map(({ name }) => join(folder, `read-${name}.ts`));
  const printed = check(COMPILERS['TypeScript 7']!, folder, programs, { skipLibCheck: false });
  expect(printed.split('\n').filter((line) => line.includes('error TS') && !line.includes('node_modules'))).toEqual([]);
});
