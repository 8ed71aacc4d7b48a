import { pathToFileURL } from 'node:url';
import { leftOut } from './left-out.ts';
import { type Rewritten, rewrite } from './rewrite.ts';
import { runnerError } from './runner-error.ts';
import { withInlineMap } from './source-maps.ts';
import { type Transpiled, transpile } from './transpile.ts';

/**
 * The program `text` of the absolute path `file` as JavaScript for Node, lowered; null if it has nothing to lower.
 * @throws an error whose text is the compiler's diagnostic.
 */
export function lowerFile(text: string, file: string, format: 'module' | 'commonjs'): Transpiled | null {
  try {
    const rewritten = rewriteFile(text, file);
    if (!rewritten) return null;
    const isJavaScript = /\.[cm]?js$/.test(file);
    if (isJavaScript && format === 'module') {
      const map = { ...rewritten.map, sources: [pathToFileURL(file).href] };
      return { code: withInlineMap(rewritten.code, map), read: [] };
    }
    return transpile(rewritten, text, file, format);
  } catch (error) {
    throw runnerError(error, file);
  }
}

function rewriteFile(text: string, file: string): Rewritten | null {
  try {
    return rewrite(text, file);
  } catch (error) {
    const rest = leftOut(text, file, error);
    if (rest === null) throw error;
    return rewriteFile(rest, file);
  }
}
