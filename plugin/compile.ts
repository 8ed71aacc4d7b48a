import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { withOperators } from './reach.ts';
import { isUserProgram, type Rewritten, rewrite } from './rewrite.ts';
import { runnerError } from './runner-error.ts';
import { withInlineMap } from './source-maps.ts';
import type * as Transpiler from './transpile.ts';

const require = createRequire(import.meta.url);

/**
 * The program in the absolute path `file` as JavaScript for Node, lowered, its source map inlined; null if it has
 * nothing to lower, and some other loader may have it.
 *
 * It starts from the file itself, even if another loader has already made JavaScript of it: that text has lost
 * the lines and columns that errors and sites name.
 * @throws an error whose text is the compiler's diagnostic.
 */
export function compile(file: string, format: 'module' | 'commonjs'): string | null {
  if (!isUserProgram(file)) return null;
  const original = readFileSync(file, 'utf8');
  try {
    const rewritten = rewrite(original, file);
    if (!rewritten) return null;
    return withOperators(toJavaScript(rewritten, original, file, format), file, format);
  } catch (error) {
    throw runnerError(error, file);
  }
}

function toJavaScript(rewritten: Rewritten, original: string, file: string, format: 'module' | 'commonjs'): string {
  const isJavaScript = /\.[cm]?js$/.test(file);
  if (isJavaScript && format === 'module') {
    return withInlineMap(rewritten.code, { ...rewritten.map, sources: [pathToFileURL(file).href] });
  }
  // loaded for the first file that needs it: it loads all of TypeScript
  const { transpile } = require('./transpile.js') as typeof Transpiler;
  return transpile(rewritten, original, file, format);
}
