import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { CompileOptions } from './compile.ts';

/** The folder of the package that `path` belongs to; null if there is none. */
function packageFolder(path: string): string | null {
  if (existsSync(join(path, 'package.json'))) return path;
  return dirname(path) === path ? null : packageFolder(dirname(path));
}

/**
 * Goes to the folder of the package, where npm runs scripts: what the command writes depends on no other folder.
 * Returns the patterns and options as they are from there.
 */
export function fromProject<Options extends CompileOptions>(
  patterns: readonly string[],
  options: Options,
): { patterns: string[]; options: Options } {
  const { project } = options;
  const first = patterns[0]?.replace(/[*?{[(!].*$/, '');
  const folder = packageFolder(resolve(project ?? first ?? '.'));
  if (folder === null || folder === process.cwd()) return { patterns: [...patterns], options };
  const model = existsSync(options.model) ? resolve(options.model) : options.model;
  const absolute = {
    patterns: patterns.map((pattern) => resolve(pattern)),
    options: { ...options, model, out: resolve(options.out), ...(project && { project: resolve(project) }) },
  };
  process.chdir(folder);
  return absolute;
}
