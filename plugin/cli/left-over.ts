import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { bundleFiles } from '../../runtime/bundle/build/write.ts';
import { MANIFEST } from '../../runtime/bundle/manifest.ts';

/** In a model repository of Triton: the folder of a model's only version, and the file beside it. */
export const VERSION = '1';
export const TRITON = 'config.pbtxt';

/** A bundle of an intervention that is no longer exported. */
export interface LeftOver {
  readonly name: string;
  readonly folder: string;
  readonly source: { readonly file: string; readonly line: number; readonly column: number };
}

/**
 * The bundles in `out` that were made of `files` of this package, or of files of it that are no more, and that are not among
 * `names`. Other packages may write into the same folder.
 */
export function leftOvers(
  out: string,
  packageName: string | undefined,
  files: ReadonlySet<string>,
  names: ReadonlySet<string>,
): LeftOver[] {
  if (!existsSync(out)) return [];
  return readdirSync(out).flatMap((name) => {
    const isServed = existsSync(join(out, name, VERSION, MANIFEST));
    const folder = join(out, name, isServed ? VERSION : '');
    const manifest = manifestIn(folder);
    if (manifest?.format !== 'onnsight-bundle' || manifest.name !== name || names.has(name)) return [];
    if (manifest.package !== packageName) return [];
    const { source } = manifest;
    if (typeof source?.file !== 'string') return [];
    return files.has(source.file) || !existsSync(source.file) ? [{ name, folder, source }] : [];
  });
}

/** Removes a bundle: the files that were written, and their folder if nothing else is in it. */
export function removeBundle({ folder, name }: LeftOver): void {
  for (const file of bundleFiles(folder, name)) rmSync(join(folder, file), { force: true });
  const isServed = basename(folder) === VERSION;
  if (isServed) rmSync(join(folder, '..', TRITON), { force: true });
  for (const one of isServed ? [folder, dirname(folder)] : [folder]) if (readdirSync(one).length === 0) rmdirSync(one);
}

function manifestIn(
  folder: string,
): (Partial<Pick<LeftOver, 'name' | 'source'>> & { format?: unknown; package?: unknown }) | null {
  try {
    return JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  } catch {
    return null;
  }
}
