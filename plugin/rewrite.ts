import type { Original } from '../compiler/original.ts';
import { transform } from '../compiler/transform.ts';
import { shownPath } from './shown-path.ts';
import type { SourceMapJson } from './source-maps.ts';
import { isUserProgram } from './user-programs.ts';

/** The result for every host: the lowered text, still in the file's own language, and the map to the user's text. */
export interface Rewritten {
  code: string;
  map: SourceMapJson;
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
