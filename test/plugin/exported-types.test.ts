import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ts } from '@ts-morph/common';
import { afterAll, expect, it } from 'vitest';
import { withoutExportedTypes } from '../../plugin/exported-types.ts';

const FILES = {
  'types.ts': `export interface Point { x: number }
export type Name = string;
export class Thing {}
export enum Color { Red }
export interface Both { x: number }
export const Both = { x: 1 };
export const { taken, more: [listed] } = { taken: 1, more: [2] };
interface Later { x: number }
const later = 1;
export { Later, later };
export * from './all.js';
`,
  'all.ts':
    "export * from './types.js'; export type Deep = number;\nexport function deep() {}\nexport type { Thing as OnlyType } from './types.js';\n",
  'package/index.d.ts': 'export interface Shape { x: number }\nexport declare class Solid {}\n',
  'aliased/a.ts': 'export interface Aliased { x: number }\nexport const aliased = 1;\n',
  'main.ts': `import { Point as Imported, Thing as Value, type Color as Marked } from './types.js';
import type { Thing as WholeType } from './types';
interface Own { x: number }
const own = 1;
export { Point, Name as Named, Thing, Color } from './types.js';
export { Point as A, Name as B } from './types';
export { Both, taken, listed, Later, later, Deep, deep, OnlyType } from './types.js'; // kept
export { Imported, Value, Marked, WholeType, Own, own };
export { Shape, Solid } from './package/index.js';
export { Aliased, aliased } from '@/a';
export type { Point as P } from './types.js';
`,
};
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};

const folder = mkdtempSync(join(tmpdir(), 'onnsight-types-'));
afterAll(() => rmSync(folder, { recursive: true }));
for (const [path, text] of Object.entries(FILES)) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
const main = join(folder, 'main.ts');
const options = { ...OPTIONS, paths: { '@/*': [join(folder, 'aliased/*')] } };

it('exports of a single file are those that TypeScript leaves when it has the whole program', () => {
  const program = ts.createProgram([main], options);
  const emitted: string[] = [];
  program.emit(program.getSourceFile(main), (_, text) => emitted.push(text));
  const { code, read } = withoutExportedTypes(readFileSync(main, 'utf8'), main, options);
  const alone = ts.transpileModule(code, { compilerOptions: OPTIONS, fileName: main }).outputText;
  expect(alone.replace(/\s/g, '').replaceAll(',}', '}')).toBe(emitted[0]!.replace(/\s/g, ''));
  expect(read).toEqual(expect.arrayContaining([join(folder, 'types.ts'), join(folder, 'aliased/a.ts')]));
  expect(code).toHaveLength(FILES['main.ts'].length);
});
