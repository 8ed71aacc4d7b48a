import { basename, dirname, isAbsolute, relative, sep } from 'node:path';

/**
 * The name a person sees for `file` in an error: relative to `directory` when it lies inside,
 * else its last two path segments. Always with forward slashes.
 */
export function shownPath(file: string, directory: string): string {
  const path = relative(directory, file);
  const inside = path !== '' && !isAbsolute(path) && path !== '..' && !path.startsWith(`..${sep}`);
  const shown = inside ? path : `${basename(dirname(file))}${sep}${basename(file)}`;
  return shown.replaceAll(sep, '/');
}
