/**
 * Makes few files of the many that tsc has written to dist/runtime: Node spends most of an import on finding and reading
 * files. Each entry keeps its path; what several of them share stands beside them. Declarations stay as they are.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputOptions, rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RUNTIME = join(ROOT, 'dist/runtime');

/** What programs import, by the package's exports; what the command line and the server take besides; the thread of fused blocks. */
const ENTRIES = [
  ...['index', 'analysis/index', 'bundle/node', 'operators/index', 'plots/index'],
  ...takenBy(join(ROOT, 'dist/plugin')),
  ...takenBy(join(ROOT, 'dist/server')),
];
const THREAD = 'ort/node/thread-main';

/** Packages of many small files, of which a part is needed: they go inside. */
const INSIDE = ['zod', '@bufbuild/protobuf', 'onnx-buf'];

const output: OutputOptions = {
  dir: RUNTIME,
  format: 'esm',
  entryFileNames: '[name].js',
  // user-frames.ts tells the library's own lines by the folder that it stands in
  chunkFileNames: '[name]-[hash].js',
  // the declarations have the docstrings; without comments there is a third less to read
  comments: { legal: true, annotation: false, jsdoc: false },
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: false } },
};

const node = await rolldown({
  input: Object.fromEntries([...ENTRIES.map((name) => [name, file(name)]), ['thread-main', file(THREAD)]]),
  platform: 'node',
  external: isOutside,
});
// Never together with the others: it is for web pages, which leave the stacks of errors as they are.
const browser = await rolldown({
  input: { 'bundle/browser': file('bundle/browser') },
  platform: 'browser',
  external: isOutside,
  plugins: [
    {
      name: 'whole-stacks',
      load: (id) => (/[\\/]user-frames\.js$/.test(id) ? 'export const keepUserFrames = () => {};' : null),
    },
  ],
});
const built = [...(await node.generate(output)).output, ...(await browser.generate(output)).output];

for (const name of namesIn(RUNTIME)) if (name.endsWith('.js')) rmSync(join(RUNTIME, name));
for (const one of built) if (one.type === 'chunk') writeFileSync(join(RUNTIME, one.fileName), one.code);
writeFileSync(join(RUNTIME, 'LICENSES.txt'), INSIDE.map(license).join('\n'));

function file(name: string): string {
  return join(RUNTIME, `${name}.js`);
}

function isOutside(id: string): boolean {
  const isPackage = /^[^./]/.test(id) && !/^[A-Za-z]:\\/.test(id);
  return isPackage && !INSIDE.some((name) => id === name || id.startsWith(`${name}/`));
}

function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' });
}

/** The modules of the runtime that the files of a folder import. */
function takenBy(folder: string): Set<string> {
  const taken = new Set<string>();
  for (const name of namesIn(folder).filter((one) => one.endsWith('.js'))) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const [, module] of text.matchAll(/from ["'][./]+\/runtime\/([\w./-]+)\.js["']/g)) taken.add(module!);
  }
  return taken;
}

/** What a package says of its license, and its text where it comes with one. */
function license(name: string): string {
  const folder = join(ROOT, 'node_modules', name);
  const about = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const text = join(folder, 'LICENSE');
  const shown = existsSync(text) ? `\n${readFileSync(text, 'utf8')}` : '';
  return `${name} ${about.version}: ${about.license}, ${JSON.stringify(about.repository ?? about.homepage)}\n${shown}`;
}
