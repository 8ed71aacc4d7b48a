import { BundleError } from './error.ts';
import type { BundleFile } from './manifest-types.ts';

/** Compares a file of a bundle with the manifest. Throws a BundleError if they differ. */
export async function checkBytes(bytes: Uint8Array<ArrayBuffer>, file: BundleFile, place: string): Promise<void> {
  checkSize(bytes.length, file, place);
  if (!globalThis.crypto?.subtle) {
    throw new BundleError(
      `${place} cannot be checked: a browser computes hashes on pages from https or localhost only. Serve the page from there, or give { verify: false }.`,
    );
  }
  checkHash(hex(await crypto.subtle.digest('SHA-256', bytes)), file, place);
}

export function checkSize(bytes: number, file: BundleFile, place: string): void {
  if (bytes === file.bytes) return;
  const how = bytes < file.bytes ? 'cut short' : 'too long';
  throw new BundleError(`${place} is ${how}: it has ${bytes} bytes of ${file.bytes}. Compile the bundle again.`);
}

export function checkHash(sha256: string, file: BundleFile, place: string): void {
  if (sha256 === file.sha256) return;
  throw new BundleError(
    `${place} is damaged, or was changed: its hash is not the manifest's. Delete it and compile the bundle again.`,
  );
}

function hex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What to do where a bundler has put a loader into a program, and left the bundle's files behind. */
export const MOVED =
  'If the loader is part of a bundled program, add onnsight/unplugin to the bundler, leave the loader external, or open the folder by loadBundle(folder).';

/** Where a file of a bundle is, as its loader tells. */
export function placeIn(files: Readonly<Record<string, () => URL>>, path: string): URL {
  try {
    return files[path]!();
  } catch (error) {
    throw new BundleError(`The loader of the bundle does not know where ${path} is. ${MOVED}`, { cause: error });
  }
}
