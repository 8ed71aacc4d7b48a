import type { LoadFnOutput, LoadHook, LoadHookContext } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compile } from './compile.ts';

/** Node's asynchronous `load` hook, above tsx's: the result of the hooks below is replaced for a file with blocks. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const source = lowered(url, loaded);
  if (source === null) return loaded;
  if (!isCommonJs(loaded)) return { ...loaded, format: 'module', source };
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

function isCommonJs({ format }: LoadFnOutput): boolean {
  return format === 'commonjs' || (format as string) === 'commonjs-typescript';
}

/** The lowered JavaScript for `url`; null also for CommonJS that Node leaves to `Module._extensions`. */
function lowered(url: string, loaded: LoadFnOutput): string | null {
  if (!url.startsWith('file:') || !loaded.source) return null;
  return compile(fileURLToPath(url), isCommonJs(loaded) ? 'commonjs' : 'module');
}
