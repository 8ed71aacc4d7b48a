import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What compiled code imports. */
const OPERATORS = 'onnsight/operators';

/** What is told where code does not find it. */
export const UNREACHED =
  'The compiled file imports the package onnsight, which cannot be found from here. Add onnsight to the dependencies of its package (npm install onnsight).';

/** Whether code at the absolute path `file` finds what compiled code imports. */
export function reachesOperators(file: string): boolean {
  try {
    createRequire(file).resolve(OPERATORS);
    return true;
  } catch {
    return false;
  }
}

/**
 * Lowered code of `file` that finds the operators: a package of a workspace that only has functions with 'use trace'
 * need not depend on this one, and gets those of the runner.
 */
export function withOperators(code: string, file: string, format: 'module' | 'commonjs'): string {
  // A file that imports the library finds it somehow, by a path of its tsconfig for one: the operators are those of the same copy.
  if (/(?:\bfrom |\brequire\()(['"])onnsight\1/.test(code) || reachesOperators(file)) return code;
  const own = ownOperators();
  const place = format === 'module' ? pathToFileURL(own).href : own;
  return code.replace(/(?<=\bfrom |\brequire\()(['"])onnsight\/operators\1/, JSON.stringify(place));
}

/** The file of this package that it is. */
export function ownOperators(): string {
  return fileURLToPath(new URL('../runtime/operators/index.js', import.meta.url));
}
