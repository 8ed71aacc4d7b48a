import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Original } from '../compiler/original.ts';
import { transform } from '../compiler/transform.ts';
import { shownPath } from './shown-path.ts';
import type { SourceMapJson } from './source-maps.ts';

/** The result for every host: the lowered text, still in the file's own language, and the map to the user's text. */
export interface Rewritten {
  code: string;
  map: SourceMapJson;
}

const PROGRAM = /\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/;
const DECLARATIONS = /\.d(\.[^./\\]+)?\.[cm]?ts$/;
const INSTALLED = /[\\/]node_modules[\\/]/;

/** The library's own folders: their files mention onnsight, but there is nothing to rewrite. */
const OWN = ['compiler', 'plugin', 'runtime'].map(
  (folder) => join(dirname(fileURLToPath(import.meta.url)), '..', folder) + sep,
);

/** Whether `file` is JavaScript of the library itself. */
export function isOwnFile(file: string): boolean {
  return OWN.some((folder) => file.startsWith(folder));
}

/** Whether `file` is a program of the user: TypeScript or JavaScript that is neither installed nor a declaration. */
export function isUserProgram(file: string): boolean {
  return PROGRAM.test(file) && !DECLARATIONS.test(file) && !INSTALLED.test(file) && !isOwnFile(file);
}

export interface RewriteOptions {
  /** The folder that errors name files from; the working directory unless given. */
  readonly directory?: string;
  /** What the user wrote, if `code` is not that. */
  readonly original?: Original;
}

/**
 * Lowers the trace blocks of `code`, the text of the absolute path `file`; null if there is nothing to do.
 * @throws CompileError for code that cannot be lowered, at the user's line and column.
 */
export function rewrite(
  code: string,
  file: string,
  { directory = process.cwd(), original }: RewriteOptions = {},
): Rewritten | null {
  if (!isUserProgram(file)) return null;
  return transform(code, { file: shownPath(file, directory), id: file, ...(original && { original }) });
}
