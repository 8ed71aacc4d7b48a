import { constants, copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile, writeWhole } from '../../onnx/replace-file.ts';
import { MANIFEST } from '../manifest.ts';
import type { BuiltBundle } from './build.ts';
import { loaderSource, loaderTypes } from './loader-source.ts';
import { hashFile } from './weights.ts';

/** The files of a bundle that are written, by their names in its folder. */
function madeFiles({ manifest, model, weights }: BuiltBundle): Map<string, Uint8Array> {
  const text = (value: string) => new TextEncoder().encode(value);
  return new Map([
    [manifest.files[0]!.path, model],
    // its loader is an ES module, whatever the package around it is
    ['package.json', text('{ "type": "module" }\n')],
    [MANIFEST, text(`${JSON.stringify(manifest, null, 2)}\n`)],
    [`${manifest.name}.js`, text(loaderSource(manifest))],
    [`${manifest.name}.d.ts`, text(loaderTypes(manifest))],
    ...weights.flatMap((one): [string, Uint8Array][] => ('data' in one ? [[one.file.path, one.data]] : [])),
  ]);
}

/** How the weights of a bundle were written. */
export interface Written {
  readonly bytes: number;
  /** Names of weight files that had to be copied, since they lie on another disk. */
  readonly copied: readonly string[];
}

/**
 * Writes a bundle into its folder. Weight files beside it share their bytes with the original: they are copies on write where
 * the file system has these, else hard links. A bundle whose linked weights are written to is refused by their hash.
 */
export function writeBundle(built: BuiltBundle, folder: string): Written {
  mkdirSync(folder, { recursive: true });
  const before = modelFiles(folder);
  const copied = built.weights.filter((one) => 'source' in one && !link(one.source, join(folder, one.file.path)));
  let bytes = 0;
  for (const [name, content] of madeFiles(built)) {
    writeWhole(join(folder, name), content);
    bytes += content.length;
  }
  const kept = new Set(built.manifest.files.map((file) => file.path));
  for (const name of before) if (!kept.has(name)) rmSync(join(folder, name), { force: true });
  return { bytes, copied: copied.map(({ file }) => file.path) };
}

/** False if the file had to be copied. */
function link(source: string, target: string): boolean {
  const from = statSync(source);
  const there = statSync(target, { throwIfNoEntry: false });
  if (there && there.ino === from.ino && there.dev === from.dev) return true;
  return replaceFile(target, (beside) => {
    try {
      copyFileSync(source, beside, constants.COPYFILE_FICLONE_FORCE);
      return true;
    } catch {
      // This file system has no copies on write.
      rmSync(beside, { force: true });
    }
    try {
      linkSync(source, beside);
      return true;
    } catch {
      copyFileSync(source, beside);
      return false;
    }
  });
}

/** The files of the bundle `name` in `folder`, by its manifest. */
export function bundleFiles(folder: string, name: string): string[] {
  const made = ['package.json', MANIFEST, `${name}.js`, `${name}.d.ts`];
  return [...modelFiles(folder), ...made];
}

/** The model and weights that the manifest in `folder` names; none if there is no manifest. */
function modelFiles(folder: string): string[] {
  let manifest: { files?: { path?: unknown }[] };
  try {
    manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  } catch {
    return [];
  }
  const paths = (manifest.files ?? []).map(({ path }) => path);
  return paths.filter((path) => typeof path === 'string').filter((path) => /^[^/\\]+$/.test(path));
}

/** The differences between a folder and this bundle as it would be written: empty if the folder is current. */
export async function staleFiles(built: BuiltBundle, folder: string): Promise<string[]> {
  const stale: string[] = [];
  for (const [name, content] of madeFiles(built)) {
    const path = join(folder, name);
    if (!existsSync(path)) stale.push(`${name} is missing`);
    else if (Buffer.compare(readFileSync(path), content) !== 0) stale.push(`${name} is out of date`);
  }
  for (const one of built.weights) {
    if ('data' in one) continue;
    const { file } = one;
    const path = join(folder, file.path);
    if (!existsSync(path)) stale.push(`${file.path} is missing`);
    else if ((await hashFile(path)) !== file.sha256) stale.push(`${file.path} is out of date`);
  }
  return stale;
}
