import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tsconfig, VITE } from './hosts.ts';
import { Project } from './project.ts';

/** A package of a workspace with nothing but a function with 'use trace': it does not depend on onnsight. */
const helper = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-helper-')));
afterAll(() => rmSync(helper, { recursive: true, force: true }));
writeFileSync(join(helper, 'package.json'), '{ "name": "helper", "type": "module", "exports": "./index.ts" }');
writeFileSync(join(helper, 'index.ts'), "export const twice = (x: number) => { 'use trace'; return x * 2; };\n");

function projectWithHelper(): Project {
  const project = new Project('traced', {
    'src/app.ts': `import { twice } from 'helper';
const more = (x: number) => { 'use trace'; return x + 1; };
console.log('got', more(twice(3)), (Reflect.get(globalThis, 'operatorSites') as unknown[]).length);
`,
    'esbuild.js': `import { onnsight } from 'onnsight/unplugin';
const { build } = await import(process.argv[2]);
await build({ entryPoints: ['src/app.ts'], bundle: true, platform: 'node', format: 'esm', outfile: 'out/app.js', plugins: [onnsight.esbuild()] });
`,
    'vite.config.js': `import onnsight from 'onnsight/vite';
export default { plugins: [onnsight()], build: { ssr: 'src/app.ts', outDir: 'out' } };
`,
  });
  symlinkSync(helper, join(project.folder, 'node_modules/helper'));
  return project;
}

describe('a helper in a package of a workspace that does not depend on onnsight', { timeout: 60_000 }, () => {
  const project = projectWithHelper();

  it.each(['vite', 'esbuild'])('is built by %s with the operators of the program', async (bundler) => {
    const esbuild = import.meta.resolve('esbuild');
    const built = await (bundler === 'vite' ? project.tool(VITE, 'build') : project.node('esbuild.js', esbuild));
    expect(built.code, built.output).toBe(0);
    expect((await project.node('out/app.js')).output).toBe('got 7 2\n');
  });

  it('runs under the hook', async () => {
    const { output } = await project.node('--import', 'onnsight/register', 'src/app.ts');
    expect(output).toMatch(/^got 7 /);
  });
});

describe("under Yarn's Plug'n'Play, where Node does not ask it for packages", () => {
  const PNP =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, pnp: '3', node: '20.19.0' } });";
  const project = new Project('traced', { 'pnp.cjs': PNP, 'tsconfig.json': tsconfig() });
  const cli = join(project.folder, 'node_modules/onnsight/dist/plugin/cli/main.js');

  it.each([
    ['onnsight/register', ['--import', 'onnsight/register', 'src/app.ts'], / below Node 22 \(here is 20\.19\.0\)/],
    ['onnsight build', [cli, 'build'], /^error: /],
  ])('%s says so, and what to do', async (host, args, more) => {
    const { output, code } = await project.node('--require', './pnp.cjs', ...args);
    expect(output).toContain(`Yarn's Plug'n'Play does not go with `);
    expect(output).toContain(host === 'onnsight build' ? 'compiling by tsc below Node 24' : host);
    expect(output).toMatch(more);
    expect(output).toContain('"nodeLinker: node-modules" into .yarnrc.yml');
    expect(code).not.toBe(0);
  });
});
