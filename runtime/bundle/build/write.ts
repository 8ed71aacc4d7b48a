import { constants, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile, writeWhole } from '../../onnx/replace-file.ts';
import { BundleError } from '../error.ts';
import { MANIFEST } from '../manifest.ts';
import type { BuiltBundle } from './build.ts';
import { loaderSource, loaderTypes } from './loader-source.ts';
import { hashFile } from './weights.ts';

/** How often a bundle is written that others write over. */
const TRIES = 10;

/** The files of a bundle that are written, by their names in its folder. */
function madeFiles({ manifest, model, weights, beside }: BuiltBundle): Map<string, Uint8Array> {
  const text = (value: string) => new TextEncoder().encode(value);
  return new Map([
    [manifest.files[0]!.path, model],
    // its loader is an ES module, whatever the package around it is
    ['package.json', text('{ "type": "module" }\n')],
    [MANIFEST, text(`${JSON.stringify(manifest, null, 2)}\n`)],
    [`${manifest.name}.js`, text(loaderSource(manifest))],
    [`${manifest.name}.d.ts`, text(loaderTypes(manifest))],
    ...beside.map(({ file, data }): [string, Uint8Array] => [file.path, data]),
    ...weights.flatMap((one): [string, Uint8Array][] => ('data' in one ? [[one.file.path, one.data]] : [])),
  ]);
}

/**
 * Writes a bundle into its folder. Weight files beside it are copies, which share their bytes with the original where the
 * file system has copies on write: hard links are refused by ONNX's own tools, and the original would become one.
 * Whoever writes another bundle there at the same time does not leave files of both: the one that ends last has all of its own.
 */
export function writeBundle(built: BuiltBundle, folder: string): void {
  for (let tries = 0; tries < TRIES; tries++) {
    writeOnce(built, folder);
    if (isThere(built, folder)) return;
  }
  throw new BundleError(
    `${folder} is written to by something else at the same time. Compile again when that has ended.`,
  );
}

function writeOnce(built: BuiltBundle, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const before = modelFiles(folder);
  for (const one of built.weights) if ('source' in one) copy(one.source, join(folder, one.file.path));
  for (const [name, content] of madeFiles(built)) writeWhole(join(folder, name), content);
  const kept = new Set([...built.manifest.files, ...built.beside.map(({ file }) => file)].map(({ path }) => path));
  for (const name of before) if (!kept.has(name)) rmSync(join(folder, name), { force: true });
}

function isThere(built: BuiltBundle, folder: string): boolean {
  const linked = built.weights.every((one) => 'data' in one || isCurrent(one.source, join(folder, one.file.path)));
  return linked && [...madeFiles(built)].every(([name, content]) => holds(join(folder, name), content));
}

function holds(path: string, content: Uint8Array): boolean {
  return existsSync(path) && Buffer.compare(readFileSync(path), content) === 0;
}

/** Whether a copy has the size and time of its source; a link of earlier versions is none. */
function isCurrent(source: string, target: string): boolean {
  const from = statSync(source);
  const there = statSync(target, { throwIfNoEntry: false });
  const isSame = there && there.size === from.size && there.mtime.getTime() === from.mtime.getTime();
  return isSame === true && there!.ino !== from.ino;
}

function copy(source: string, target: string): void {
  if (isCurrent(source, target)) return;
  const from = statSync(source);
  replaceFile(target, (beside) => {
    copyFileSync(source, beside, constants.COPYFILE_FICLONE);
    utimesSync(beside, from.atime, from.mtime);
  });
}

/** The files of the bundle `name` in `folder`, by its manifest. */
export function bundleFiles(folder: string, name: string): string[] {
  const made = ['package.json', MANIFEST, `${name}.js`, `${name}.d.ts`];
  return [...modelFiles(folder), ...made];
}

/** The model, weights and tokenizer that the manifest in `folder` names; none if there is no manifest. */
function modelFiles(folder: string): string[] {
  type File = { path?: unknown };
  let manifest: { files?: File[]; tokenizer?: { file?: File; config?: File } };
  try {
    manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  } catch {
    return [];
  }
  const { files = [], tokenizer } = manifest;
  const paths = [...files, tokenizer?.file, tokenizer?.config].map((file) => file?.path);
  return paths.filter((path) => typeof path === 'string').filter((path) => /^[^/\\]+$/.test(path));
}

/** The differences between a folder and this bundle as it would be written: empty if the folder is current. */
export async function staleFiles(built: BuiltBundle, folder: string): Promise<string[]> {
  const stale: string[] = [];
  for (const [name, content] of madeFiles(built)) {
    const path = join(folder, name);
    if (!existsSync(path)) stale.push(`${name} is missing`);
    else if (!holds(path, content)) stale.push(`${name} is out of date`);
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
