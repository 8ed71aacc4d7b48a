import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** The folder at or above `path` that has a file of this name; null if none has. */
function folderWith(file: string, path: string): string | null {
  if (existsSync(join(path, file))) return path;
  return dirname(path) === path ? null : folderWith(file, dirname(path));
}

/** The options that name files and folders. */
interface Places {
  readonly model: string;
  readonly out: string;
  readonly project?: string;
  readonly tokenizer?: string | true;
}

/**
 * Goes to the folder of the package, where npm runs scripts: what the command writes depends on no other folder.
 * Returns the patterns and options as they are from there, with the nearest tsconfig.json, by which the files run, too.
 */
export function fromProject<Options extends Places>(
  patterns: readonly string[],
  options: Options,
): { patterns: string[]; options: Options } {
  const first = patterns[0]?.replace(/[*?{[(!].*$/, '');
  const start = resolve(options.project ?? first ?? '.');
  const config = folderWith('tsconfig.json', start);
  const project = options.project !== undefined ? start : config !== null ? join(config, 'tsconfig.json') : undefined;
  // A file that is not there is an error of the command, in its own words.
  if (project !== undefined && existsSync(project)) process.env.TSX_TSCONFIG_PATH ??= project;
  const folder = folderWith('package.json', start) ?? process.cwd();
  const fromThere = (path: string) => relative(folder, resolve(path)).split(sep).join('/') || '.';
  const given = {
    patterns: patterns.map(fromThere),
    options: {
      ...options,
      model: existsSync(options.model) ? resolve(options.model) : options.model,
      out: resolve(options.out),
      ...(typeof options.tokenizer === 'string' &&
        existsSync(options.tokenizer) && { tokenizer: resolve(options.tokenizer) }),
      ...(project !== undefined && { project: fromThere(project) }),
    },
  };
  process.chdir(folder);
  return given;
}

/** The name of the package in whose folder the command works; undefined if it has none. */
export function packageName(): string | undefined {
  if (!existsSync('package.json')) return undefined;
  const { name }: { name?: unknown } = JSON.parse(readFileSync('package.json', 'utf8'));
  return typeof name === 'string' ? name : undefined;
}
