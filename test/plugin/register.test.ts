import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Project } from './project.ts';

const COMMONJS = { 'package.json': JSON.stringify({ type: 'commonjs' }) };
const REGISTER = ['--import', 'onnsight/register'];

describe('onnsight/register', { timeout: 60_000 }, () => {
  it.each(['ts', 'cts'])('runs CommonJS .%s files, required or as the entry', async (extension) => {
    const project = new Project('traced', COMMONJS);
    const app = project.read('src/app.ts').replace('./factor.js', './factor');
    project.write(`src/app.${extension}`, app);
    project.write('src/entry.cjs', `require('./app.${extension}');`);
    for (const entry of [`src/app.${extension}`, 'src/entry.cjs']) {
      const { output } = await project.node(...REGISTER, entry);
      expect(output).toContain('{"scaled":7,"traced":42,"sites":["src/app.');
      expect(output).toContain(`/${project.place('new RangeError', `src/app.${extension}`)})`);
    }
  });

  it.each(['ts', 'cts'])('gives ES modules the names that a CommonJS .%s file exports', async (extension) => {
    const project = new Project('traced', {
      ...COMMONJS,
      [`src/half.${extension}`]:
        "export function half(x: number): number { 'use trace'; return x * 0.5; }\nexport default half;\n",
      'src/main.mts': `import { half } from './half.${extension}';\nimport whole from './half.${extension}';\nconsole.log(half(84), whole.half(6));\n`,
    });
    expect(await project.node(...REGISTER, 'src/main.mts')).toEqual({ output: '42 3\n', code: 0 });
  });

  it.each(['the entry', 'required'])('says what to do where a CommonJS file awaits at its top: %s', async (how) => {
    const text = "export const f = (x: number) => { 'use trace'; return x * 2; };\nawait 1;\nconsole.log(f(4));\n";
    const project = new Project('traced', { ...COMMONJS, 'src/top.ts': text, 'src/in.cjs': "require('./top.ts');" });
    const { output, code } = await project.node(...REGISTER, how === 'required' ? 'src/in.cjs' : 'src/top.ts');
    expect(output).toMatch(/top\.ts awaits outside of functions.*Rename it to top\.mts, or write "type": "module"/);
    expect(code).not.toBe(0);
  });

  it('gives metadata to decorators of types that are imported as values: of classes themselves, of interfaces Object, and leaves exported ones out', async () => {
    const project = new Project('traced', {
      'tsconfig.json': JSON.stringify({
        compilerOptions: { experimentalDecorators: true, emitDecoratorMetadata: true },
      }),
      'src/types.ts': 'export interface Options { alpha: number }\nexport class Thing {}\nexport class Other {}\n',
      'src/meta.ts': `import { Options, Thing as Named, Other } from './types.ts';
export const f = (x: number) => { 'use trace'; return x * 2; };
const seen: string[] = [];
(Reflect as any).metadata = (key: string, value: any) => () => { if (key === 'design:type') seen.push(value.name); };
const log = (_target: object, _key: string) => {};
class Steer {
  @log options: Options = { alpha: 2 };
  @log named!: Named;
  @log other: Other = new Other();
  fail() { throw new Error('here'); }
}
console.log(seen.join());
export { Options, Other } from './types.ts';
new Steer().fail();
`,
    });
    const { output } = await project.node(...REGISTER, 'src/meta.ts');
    expect(output).toContain('Object,Thing,Other\n');
    expect(output).toContain('src/meta.ts:10:18');
  });

  it.each(['module', 'commonjs'])('compiles a helper of a package that does not depend on it: %s', async (type) => {
    const helper = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-helper-')));
    const project = new Project('traced');
    writeFileSync(join(helper, 'package.json'), JSON.stringify({ type }));
    writeFileSync(join(helper, 'twice.ts'), "export const twice = (x: number) => { 'use trace'; return x * 2; };\n");
    project.write('src/uses.ts', `import { twice } from '${helper}/twice.ts';\nconsole.log('twice', twice(21));\n`);
    const { output } = await project.node(...REGISTER, 'src/uses.ts');
    rmSync(helper, { recursive: true });
    expect(output).toContain('twice 42\n');
  });

  it('compiles a CommonJS file that an ES module imports, and its lines are the user’s', async () => {
    const project = new Project('traced', {
      ...COMMONJS,
      'src/double.ts': `export default 1;
export const double = (x: number) => { 'use trace'; return x * 2; };
export function fail(): never {
  throw new RangeError('here');
}
`,
      'src/main.mts':
        "import { double, fail } from './double.js';\nconsole.log(double(21), globalThis.operatorSites);\nfail();\n",
    });
    const { output } = await project.node(...REGISTER, 'src/main.mts');
    expect(output).toMatch(/^42 \[ 'src\/double\.ts:2:\d+/);
    expect(output).toContain('src/double.ts:4:9');
  });

  it('refuses in required files in the same words', async () => {
    const project = new Project('refused', COMMONJS);
    const { output, code } = await project.node(...REGISTER, 'src/app.ts');
    expect(output).toMatch(/^src\/app\.ts:7:\d+ - error ONN1\d{3}: /m);
    expect(code).not.toBe(0);
  });

  it('runs plain JavaScript with blocks', async () => {
    const text = `export function f(x) { 'use trace'; return x * 2; }\nconsole.log(f(4), globalThis.operatorSites.length);\n`;
    const project = new Project('traced', { 'src/plain.mjs': text });
    expect(await project.node(...REGISTER, 'src/plain.mjs')).toEqual({ output: '8 1\n', code: 0 });
  });

  it('heeds the decorators and class fields of the nearest tsconfig.json', async () => {
    const project = new Project('traced', {
      'tsconfig.json': JSON.stringify({ compilerOptions: { experimentalDecorators: true } }),
      'src/decorated.ts': `
        const logged = (...given: unknown[]): void => console.log(given.length);
        class Scale { @logged by(x: number): number { return twice(x); } }
        function twice(x: number): number { 'use trace'; return x * 2; }
        console.log(new Scale().by(4));`,
    });
    expect(await project.node(...REGISTER, 'src/decorated.ts')).toEqual({ output: '3\n8\n', code: 0 });
  });

  it('does not load the compiler for programs without blocks', async () => {
    const project = new Project('traced', {
      'src/plain.ts': `
        const loaded: string[] = Object.keys(require.cache);
        console.log(loaded.filter((path) => /ts-morph/.test(path)).length);`,
      ...COMMONJS,
    });
    expect(await project.node(...REGISTER, 'src/plain.ts')).toEqual({ output: '0\n', code: 0 });
  });
});
