import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { rewrite } from '../../plugin/rewrite.ts';
import { withoutChecks } from '../../plugin/without-checks.ts';
import * as operators from '../../runtime/operators/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EMITTED = `${ROOT}runtime/operators/emitted.ts`;

const STEER = `import { type LanguageModel, save } from 'onnsight';
export async function steer(lm: LanguageModel, alpha: number) {
  const { norm } = await lm.trace('x', () => {
    const layer = lm.transformer.h[0];
    if (alpha > 1) layer.output *= alpha;
    for (const row of layer.output) if (row > 1) console.log(...[row]);
    return { norm: save(layer.output.norm()) };
  });
  return norm.item();
}
`;
const USE = `import { steer } from './steer.ts';
export const use = async () => (await steer({} as never, 2)).toFixed(2);
`;

/** What TypeScript says of `text` as steer.ts, and of a file that imports it. */
function saidOf(text: string): string[] {
  const files = new Map([
    [`${ROOT}test/plugin/steer.ts`, text],
    [`${ROOT}test/plugin/use.ts`, USE],
  ]);
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    types: [],
    paths: { 'onnsight/operators': [EMITTED], onnsight: [`${ROOT}dist/runtime/index.d.ts`] },
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, version, ...rest) => {
    const own = files.get(name);
    return own === undefined ? getSourceFile(name, version, ...rest) : ts.createSourceFile(name, own, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files.keys()].flatMap((name) =>
    program.getSemanticDiagnostics(program.getSourceFile(name)).map(({ code }) => `TS${code}`),
  );
}

it('loaders that check lowered text find nothing to say, nor in the files that import it', () => {
  const file = `${ROOT}test/plugin/steer.ts`;
  const lowered = rewrite(STEER, file)!;
  expect(saidOf(lowered.code)).not.toEqual([]);
  const quiet = withoutChecks(lowered, file);
  expect(saidOf(quiet.code)).toEqual([]);
  expect(quiet.map.mappings).toBe(`;${lowered.map.mappings}`);
});

it('every operator is declared for them', () => {
  const declared = [...readFileSync(EMITTED, 'utf8').matchAll(/(\w+)(?:: Operator|<T>)/g)].map(([, name]) => name);
  expect(declared.sort()).toEqual(Object.keys(operators).sort());
});
