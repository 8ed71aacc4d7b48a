import { createRequire } from 'node:module';
import type ts from 'typescript';

const require = createRequire(import.meta.url);

/** The version of this package; the folder above is its root, or `dist` inside it. */
export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { version } = require(path) as { version: string };
      return version;
    } catch {}
  }
  return '';
}

let salted: string | undefined;

/**
 * Marks the version of `file` in incremental builds with the version of this package, so that a new release emits the
 * file anew though its text is the old one.
 */
export function salt(file: ts.SourceFile & { version?: string }): void {
  salted ??= `-onnsight-${packageVersion()}`;
  if (file.version !== undefined && !file.version.endsWith(salted)) file.version += salted;
}
