import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { intervention, type LanguageModel, save } from 'onnsight';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { linkOnnsight, userEnvironment } from '../plugin/project.ts';
import { compileTo } from './support/build.ts';

/** A program for a server, which has the loader of a bundle in it. */
const project = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight mit ü-')));
afterAll(() => rmSync(project, { recursive: true, force: true }));
linkOnnsight(project);
const write = (name: string, text: string) => writeFileSync(join(project, name), text);
write('package.json', '{ "type": "module" }');
write(
  'server.js',
  `import { steer } from './bundles/steer.js';
steer({ input_ids: [[1, 2]], alpha: 2 }).then(({ l }) => console.log(l.dims.join(), l.data[0].toFixed(3)), (e) => console.log(e.message));
`,
);
write(
  'esbuild.js',
  `import { createRequire } from 'node:module';
import { onnsight } from 'onnsight/unplugin';
const [esbuild, format, outfile, plugged] = process.argv.slice(2);
const { build } = createRequire(import.meta.url)(esbuild);
await build({
  entryPoints: ['server.js'], bundle: true, platform: 'node', packages: 'external', format, outfile,
  logLevel: 'error', plugins: plugged ? [onnsight.esbuild()] : [],
});
`,
);
write(
  'vite.js',
  `import onnsight from 'onnsight/vite';
const { build } = await import(process.argv[2]);
await build({ configFile: false, logLevel: 'error', plugins: [onnsight()], ssr: { external: true }, build: { ssr: 'server.js', outDir: 'out-vite/a' } });
`,
);

async function node(...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: project,
    env: userEnvironment(),
  });
  return (stdout + stderr).trim();
}

const ESBUILD = join(ROOT, 'node_modules/esbuild');

let expected: string;
beforeAll(async () => {
  const steer = intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
    model.transformer.h[1].output *= alpha;
    return { l: save(model.lm_head.output['0, -1']) };
  });
  await compileTo(steer, { folder: join(project, 'bundles') });
  expected = await node('server.js');
  expect(expected).toMatch(/^189 /);
}, 60_000);

describe('a program for a server with the loader of a bundle in it finds the files, wherever it is put', {
  timeout: 60_000,
}, () => {
  it.each([
    ['esm', 'mjs'],
    ['cjs', 'cjs'],
  ])('esbuild, %s', async (format, extension) => {
    await node('esbuild.js', ESBUILD, format, `out/${format}/server.${extension}`, 'with the plugin');
    renameSync(join(project, 'bundles'), join(project, 'away'));
    try {
      expect(await node(`out/${format}/server.${extension}`)).toBe(expected);
    } finally {
      renameSync(join(project, 'away'), join(project, 'bundles'));
    }
  });

  it('under names that a bundler has made up, too', async () => {
    const folder = join(project, 'hashed');
    mkdirSync(folder);
    for (const name of ['steer.onnx', 'model.onnx']) {
      writeFileSync(join(folder, `ab12-${name}`), readFileSync(join(project, 'bundles', name)));
    }
    const text = readFileSync(join(project, 'bundles/steer.js'), 'utf8').replace(/new URL\("\.\//g, '$&ab12-');
    writeFileSync(join(folder, 'steer.js'), text);
    write('hashed.js', readFileSync(join(project, 'server.js'), 'utf8').replace('bundles', 'hashed'));
    expect(await node('hashed.js')).toBe(expected);
  });

  it('Vite, for servers', async () => {
    await node('vite.js', import.meta.resolve('vite'));
    expect(await node('out-vite/a/server.js')).toBe(expected);
  });

  it.each([
    ['esm', 'mjs', /steer\.onnx is missing: the bundle needs it\. If the loader is part of/],
    ['cjs', 'cjs', /does not know where steer\.onnx is\. If the loader is part of .* add onnsight\/unplugin/],
  ])('and without the plugin the error says what to do: %s', async (format, extension, message) => {
    await node('esbuild.js', ESBUILD, format, `plain/${format}.${extension}`);
    expect(await node(`plain/${format}.${extension}`)).toMatch(message);
  });
});
