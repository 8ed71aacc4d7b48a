import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = /\.(?:[cm]?[jt]sx?|vue|svelte|astro)$/;
const DECLARATIONS = /\.d(\.[^./\\]+)?\.[cm]?ts$/;
const INSTALLED = /[\\/]node_modules[\\/]/;

/** The library's own folders: their files mention onnsight, but there is nothing to rewrite. */
const OWN = ['compiler', 'plugin', 'runtime', 'server'].map(
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
