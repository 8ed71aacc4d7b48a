import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

/** The folder of the package. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The command lines of both versions. TypeScript 7 has a package of its own, since each brings a `tsc`. */
export const COMPILERS: Readonly<Record<string, string>> = {
  'TypeScript 6': join(ROOT, 'node_modules/typescript/bin/tsc'),
  'TypeScript 7': join(ROOT, 'node_modules/typescript7/node_modules/typescript/bin/tsc'),
};

/** What `tsc` prints in `folder`, whether it succeeds or not. */
export function tsc(compiler: string, folder: string, ...args: string[]): string {
  try {
    return execFileSync(process.execPath, [compiler, ...args], { cwd: folder, encoding: 'utf8' });
  } catch (error) {
    const { stdout } = error as { stdout: string };
    if (stdout === '') throw error;
    return stdout;
  }
}

/**
 * Type-checks `files` in `folder` as a newcomer has it: with the options that `tsc --init` turns on, the package's built
 * declarations and no plugin, and with `more` options. Gives what the compiler prints.
 */
export function check(compiler: string, folder: string, files: readonly string[], more: object = {}): string {
  if (!existsSync(join(folder, 'tsconfig.json'))) tsc(compiler, folder, '--init');
  const config = {
    extends: './tsconfig.json',
    compilerOptions: { types: ['node'], allowImportingTsExtensions: true, noEmit: true, ...more },
    files,
  };
  writeFileSync(join(folder, 'check.json'), JSON.stringify(config));
  return tsc(compiler, folder, '-p', 'check.json', '--pretty', 'false');
}

/** The errors in what a compiler printed: `line: TScode`. */
export function errorsIn(printed: string): string[] {
  return [...printed.matchAll(/^[^\s(]+\((\d+),\d+\): error (TS\d+)/gm)].map(([, line, code]) => `${line}: ${code}`);
}

/** The errors that the comments of a file ask for: `line: TScode`. */
export function errorsWantedIn(file: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line, i) => {
    const code = /\/\/ (TS\d+)$/.exec(line)?.[1];
    return code === undefined ? [] : [`${i + 1}: ${code}`];
  });
}

/** Fails unless the errors that a compiler printed are those of one file, and these the ones that its comments ask for. */
export function expectMistakes(printed: string, file: string): void {
  const elsewhere = printed.split('\n').filter((line) => /error TS/.test(line) && !line.includes(basename(file)));
  expect(elsewhere).toEqual([]);
  expect(errorsIn(printed)).toEqual(errorsWantedIn(file));
}
