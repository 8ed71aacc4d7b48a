import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TSPC, tsconfig } from './hosts.ts';
import { Project } from './project.ts';

/** What ts-jest, ts-node and ts-loader do. */
const EMIT_BY_SERVICE = `
const ts = require(${JSON.stringify(createRequire(import.meta.url).resolve('ts-patch/compiler'))});
const { options, fileNames } = ts.getParsedCommandLineOfConfigFile('tsconfig.json', {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic() {} });
const service = ts.createLanguageService({
  ...ts.sys,
  getCompilationSettings: () => ({ ...options, declaration: false }),
  getScriptFileNames: () => fileNames,
  getScriptVersion: () => '1',
  getScriptSnapshot: (name) => ts.sys.fileExists(name) ? ts.ScriptSnapshot.fromString(ts.sys.readFile(name)) : undefined,
  getCurrentDirectory: () => __dirname,
  useCaseSensitiveFileNames: () => true,
  getDefaultLibFileName: ts.getDefaultLibFilePath,
});
for (const name of fileNames) for (const { text } of service.getEmitOutput(name).outputFiles) console.log(text);
`;

describe('tspc', { timeout: 60_000 }, () => {
  it('writes declarations and type errors of the program the user wrote', async () => {
    const project = new Project('traced', {
      'tsconfig.json': tsconfig(),
      'src/library.ts': `export function twice(x: number): number { 'use trace'; return x * 2; }\nexport const s: string = 1;\n`,
    });
    const { output } = await project.tool(TSPC, '-p', '.');
    expect(output).toMatch(/^src\/library\.ts\(2,14\): error TS2322/);
    expect(output.match(/error TS/g)).toHaveLength(1);
    expect(project.read('out/library.d.ts')).toBe(
      'export declare function twice(x: number): number;\nexport declare const s: string;\n',
    );
    expect(project.read('out/library.js')).toContain('.binary(');
  });

  it('keeps the paths of the source map and maps to the user columns', async () => {
    const project = new Project('traced', {
      'tsconfig.json': tsconfig({ sourceRoot: 'https://example.org/', inlineSources: true }),
    });
    await project.tool(TSPC, '-p', '.');
    const map = JSON.parse(project.read('out/app.js.map'));
    expect(map).toMatchObject({ file: 'app.js', sourceRoot: 'https://example.org/', sources: ['app.ts'] });
    expect(map.sourcesContent).toEqual([project.read('src/app.ts')]);
  });

  it('refuses a file from which the package cannot be found when it runs', async () => {
    const helper = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-helper-')));
    const { compilerOptions } = JSON.parse(tsconfig({ outDir: `${helper}/out`, rootDir: helper }));
    const project = new Project('traced', {
      'tsconfig.json': JSON.stringify({ compilerOptions, files: [`${helper}/twice.ts`] }),
    });
    writeFileSync(join(helper, 'twice.ts'), "export const twice = (x: number) => { 'use trace'; return x * 2; };\n");
    const { output } = await project.tool(TSPC, '-p', '.');
    rmSync(helper, { recursive: true });
    expect(output).toMatch(/twice\.ts\(1,1\): error TS91000: .*onnsight, which cannot be found.*npm install onnsight/);
  });

  it('composes inline maps', async () => {
    const project = new Project('traced', { 'tsconfig.json': tsconfig({ sourceMap: false, inlineSourceMap: true }) });
    await project.tool(TSPC, '-p', '.');
    const { output } = await project.node('--enable-source-maps', 'out/app.js');
    expect(output).toContain(`/${project.place('new RangeError')})`);
  });

  it('writes no JavaScript for a file it refuses, and the others as ever', async () => {
    const project = new Project('refused', { 'tsconfig.json': tsconfig() });
    await project.tool(TSPC, '-p', '.');
    expect(project.has('out/app.js')).toBe(false);
    expect(project.has('out/factor.js')).toBe(true);
  });

  it.each([{}, { noEmitOnError: true }])(
    'gives a language service a module that throws what is wrong (%o)',
    async (more) => {
      const project = new Project('refused', { 'tsconfig.json': tsconfig(more), 'emit.cjs': EMIT_BY_SERVICE });
      const { output } = await project.node('emit.cjs');
      expect(output).toMatch(
        /^throw new Error\("src\/app\.ts\(7,27\): error TS91002: ONN1002: `eval` cannot be traced/m,
      );
      expect(output).toContain('export function hidden');
      expect(output).toMatch(/export const factor/);
    },
  );

  it('writes the same when tsc itself is patched', async () => {
    const project = new Project('traced', { 'tsconfig.json': tsconfig() });
    await project.tool(TSPC, '-p', '.');
    const files = ['out/app.js', 'out/app.js.map', 'out/app.d.ts'];
    const byTspc = files.map((file) => project.read(file));
    rmSync(join(project.folder, 'out'), { recursive: true });

    const typescript = join(project.folder, 'node_modules/typescript');
    const original = realpathSync(typescript);
    rmSync(typescript);
    cpSync(original, typescript, { recursive: true });
    expect((await project.tool('ts-patch/bin/ts-patch.js', 'install')).code).toBe(0);
    expect(await project.node('node_modules/typescript/bin/tsc', '-p', '.')).toEqual({ output: '', code: 0 });
    expect(files.map((file) => project.read(file))).toEqual(byTspc);
    rmSync(project.folder, { recursive: true });
  });

  it('remembers a refusal in incremental builds until the file is right', async () => {
    const project = new Project('refused', { 'tsconfig.json': tsconfig({ incremental: true }) });
    for (let build = 0; build < 2; build++) {
      const { output, code } = await project.tool(TSPC, '-p', '.');
      expect(output).toContain('ONN1');
      expect(code).not.toBe(0);
    }
    project.write('src/app.ts', project.read('src/app.ts').replace(`eval('x')`, 'x'));
    expect(await project.tool(TSPC, '-p', '.')).toEqual({ output: '', code: 0 });
    expect(project.read('out/app.js')).toContain('.binary(');
  });

  it('builds composite projects, and remembers there too', async () => {
    const project = new Project('traced', {
      'tsconfig.json': tsconfig({ composite: true }),
      'app/tsconfig.json': JSON.stringify({
        extends: '../tsconfig.json',
        compilerOptions: { rootDir: '.', outDir: '../out/app' },
        include: ['.'],
        references: [{ path: '..' }],
      }),
      'app/main.ts': `import { factor } from '../src/factor.js';\nexport function f(x: number): number { 'use trace'; return x * factor; }\n`,
    });
    expect(await project.tool(TSPC, '-b', 'app')).toEqual({ output: '', code: 0 });
    expect(project.read('out/app.js')).toContain('.binary(');
    expect(project.read('out/app/main.js')).toContain('.binary(');
    project.write('app/main.ts', `export function f(): number { 'use trace'; return eval('1'); }\n`);
    for (let build = 0; build < 2; build++) expect((await project.tool(TSPC, '-b', 'app')).code).not.toBe(0);
  });
});
