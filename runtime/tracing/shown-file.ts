import { basename, dirname, isAbsolute, relative, sep } from 'node:path';

/** Node's own: while a bundle is built, it is noted who asks process.cwd(). */
const workingDirectory = process.cwd.bind(process);

/**
 * A file of the user's as errors show it: relative to the working directory when it lies inside, else its last two path
 * segments. The plugin writes the sites of compiled code by the same rule, so that all sites look alike.
 */
export function shownFile(file: string): string {
  const path = relative(workingDirectory(), file);
  const inside = path !== '' && !isAbsolute(path) && path !== '..' && !path.startsWith(`..${sep}`);
  return (inside ? path : `${basename(dirname(file))}${sep}${basename(file)}`).replaceAll(sep, '/');
}
