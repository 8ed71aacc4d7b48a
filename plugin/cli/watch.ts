import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import type { CompileOptions } from './compile.ts';
import { openProject } from './find.ts';

/** How long to wait for an editor to finish writing, in milliseconds. */
const QUIET = 150;

/**
 * Compiles, and compiles again whenever a file of the project or the model changes. Each time uses a process of its own,
 * since a module that has run cannot be run again.
 */
export function watchAndCompile(patterns: readonly string[], options: CompileOptions, args: readonly string[]): void {
  const project = openProject(patterns, options.project);
  project.resolveSourceFileDependencies();
  const sources = project.getSourceFiles().filter((file) => !file.isInNodeModules());
  const out = resolve(options.out) + sep;
  const files = new Set([resolve(options.model), ...sources.map((file) => resolve(file.getFilePath()))]);
  let timer: NodeJS.Timeout | undefined;
  let child: ChildProcess | null = null;
  let again = false;

  const run = (): void => {
    if (child) {
      again = true;
      return;
    }
    child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: 'inherit' });
    child.on('exit', () => {
      child = null;
      console.log(`\nWatching ${files.size} files. Press Ctrl+C to end.`);
      if (again) {
        again = false;
        run();
      }
    });
  };

  for (const folder of new Set([...files].map(dirname))) {
    watch(folder, (_, name) => {
      const path = resolve(folder, name ?? '');
      // A new file in a folder of the project may be one that others import.
      if (path.startsWith(out) || (!files.has(path) && !/\.[cm]?tsx?$/.test(path))) return;
      clearTimeout(timer);
      timer = setTimeout(run, QUIET);
    });
  }
  run();
}
