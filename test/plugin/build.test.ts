import { expect, it } from 'vitest';
import { COMPILERS, tsc } from '../types/compilers.ts';
import { CLI, tsconfig } from './hosts.ts';
import { Project } from './project.ts';

/** A project in which `src` uses a library that it refers to. */
function projectOfTwo(): Project {
  const options = { composite: true, plugins: undefined };
  const { compilerOptions } = JSON.parse(tsconfig(options));
  return new Project('traced', {
    'tsconfig.json': JSON.stringify({ compilerOptions, include: ['src'], references: [{ path: 'library' }] }),
    'src/factor.ts': "import { half } from '../library/half.js';\nexport const factor: number = half(42);\n",
    'library/half.ts': "export function half(x: number): number { 'use trace'; return x * 0.5; }\n",
    'library/tsconfig.json': JSON.stringify({
      compilerOptions: { ...compilerOptions, rootDir: '.', outDir: '.' },
      files: ['half.ts'],
    }),
  });
}

it('onnsight build compiles what TypeScript 7 has written as it stands, in referenced projects, too', {
  timeout: 120_000,
}, async () => {
  const project = projectOfTwo();
  expect(tsc(COMPILERS['TypeScript 7']!, project.folder, '--build')).toBe('');
  expect(project.read('out/app.js')).not.toContain('.binary(');

  expect(await project.tool(CLI, 'build')).toEqual({ output: '', code: 0 });
  expect(project.read('library/half.js')).toContain('.binary(');
  expect(project.read('library/half.d.ts')).toBe('export declare function half(x: number): number;\n');
  expect((await project.node('out/app.js')).output).toContain('"traced":42');

  project.write('src/more.ts', 'export const more: string = 1;\n');
  const { output, code } = await project.tool(CLI, 'build');
  expect(output).toContain("src/more.ts(1,14): error TS2322: Type 'number' is not assignable to type 'string'.");
  expect(code).toBe(1);
});

it('onnsight build says where nothing would be written, and where there is nothing to build', {
  timeout: 120_000,
}, async () => {
  const project = new Project('traced', { 'tsconfig.json': tsconfig({ noEmit: true }) });
  expect(await project.tool(CLI, 'build')).toEqual({
    output: expect.stringMatching(/^error: .*tsconfig\.json says "noEmit": true, so that nothing would be written\./),
    code: 1,
  });
  project.write('both.json', JSON.stringify({ files: [], references: [{ path: 'tsconfig.json' }] }));
  expect((await project.tool(CLI, 'build', '-p', 'both.json')).output).toContain('says "noEmit": true');
  project.write('tsconfig.json', tsconfig({ target: 'es7x' }));
  expect((await project.tool(CLI, 'build')).output).toMatch(/^tsconfig\.json\(1,\d+\): error TS6046: /);
  expect((await project.tool(CLI, 'build', '-p', 'library')).output).toMatch(
    /^error: There is no .*library\. Name a tsconfig\.json with --project\.\n$/,
  );
});
