import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { mayHaveBlocks } from '../compiler/gate.ts';
import { CompiledFile } from './compiled-file.ts';
import type * as Lowering from './lower-file.ts';
import { withOperators } from './reach.ts';
import { isUserProgram } from './user-programs.ts';

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
  const text = readFileSync(file, 'utf8');
  if (!mayHaveBlocks(text)) return null;
  const code = lowered(text, file, format);
  return code && withOperators(code, file, format);
}

/** What was compiled before, if nothing has changed. */
function lowered(text: string, file: string, format: 'module' | 'commonjs'): string | null {
  const kept = new CompiledFile(text, file, format);
  const found = kept.read();
  if (found) return found.code;
  // loaded for the first file that needs it: it loads all of TypeScript
  const { lowerFile } = require('./lower-file.js') as typeof Lowering;
  const made = lowerFile(text, file, format);
  kept.write(made?.code ?? null, made?.read ?? []);
  return made?.code ?? null;
}
