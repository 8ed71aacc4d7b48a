import type { LoadFnOutput, LoadHook, LoadHookContext, ResolveHook } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compile } from './compile.ts';

/** What ES modules import: all but the program that Node was started with. */
const imported = new Set<string>();

/** Node's asynchronous `resolve` hook. */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const resolved = await nextResolve(specifier, context);
  if (context.parentURL !== undefined) imported.add(resolved.url);
  return resolved;
};

/** Node's asynchronous `load` hook, above tsx's: the result of the hooks below is replaced for a file with blocks. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const source = lowered(url, loaded);
  if (source === null) return loaded;
  if (!isCommonJs(loaded)) return { ...loaded, format: 'module', source };
  if (FOR_TSX.test(url) || imported.has(url)) return { format: 'commonjs', source: requiring(fileOf(url), source) };
  // given a source, Node 20 would run it with a `require` that knows no ES modules; given none, it asks commonjs.ts
  return { format: 'commonjs' };
};

/** The same for `module.registerHooks`. */
export function loadSync(
  url: string,
  context: LoadHookContext,
  nextLoad: (url: string, context?: Partial<LoadHookContext>) => LoadFnOutput,
): LoadFnOutput {
  const loaded = nextLoad(url, context);
  const source = lowered(url, loaded);
  if (source === null) return loaded;
  return { ...loaded, format: isCommonJs(loaded) ? 'commonjs' : 'module', source };
}

/** How tsx names a CommonJS file that an ES module imports: what it gives for that name is run. */
const FOR_TSX = /(%3F|\?)tsx-.*$/;

/** The path of the file that a URL means. */
function fileOf(url: string): string {
  return fileURLToPath(url.replace(FOR_TSX, ''));
}

/** Code that gives what a file gives that is required, whose lines commonjs.ts knows, and that tells Node its names. */
function requiring(path: string, source: string): string {
  const names = new Set([...source.matchAll(/^exports\.([\w$]+) =/gm)].map(([, name]) => name));
  const file = JSON.stringify(path);
  names.delete('default'); // which is all that it gives
  return `module.exports = require('node:module').createRequire(${file})(${file});
0 && (module.exports = { ${[...names].join(', ')} });`;
}

function isCommonJs({ format }: LoadFnOutput): boolean {
  return format === 'commonjs' || (format as string) === 'commonjs-typescript';
}

/** The lowered JavaScript for `url`; null also for CommonJS that Node leaves to `Module._extensions`. */
function lowered(url: string, loaded: LoadFnOutput): string | null {
  if (!url.startsWith('file:') || !loaded.source) return null;
  return compile(fileOf(url), isCommonJs(loaded) ? 'commonjs' : 'module');
}
