import { BundleError } from './error.ts';
import type { Manifest } from './manifest-types.ts';

/** The version of the bundle format that is written and read. */
export const BUNDLE_VERSION = 1;
/** The name of the manifest in a bundle's folder. */
export const MANIFEST = 'bundle.json';

/** Parses a manifest's text, and makes sure that this version of the library can read it. */
export function parseManifest(text: string, place: string): { readonly version: 1 } & Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new BundleError(
      `${place} is damaged: ${error instanceof Error ? error.message : error}. Compile the bundle again.`,
      { cause: error },
    );
  }
  checkVersion(json, place);
  return json as { version: 1 } & Record<string, unknown>;
}

function checkVersion(json: unknown, place: string): void {
  const { format, version } = (json ?? {}) as Record<string, unknown>;
  if (format !== 'onnsight-bundle' || typeof version !== 'number') {
    throw new BundleError(`${place} is not a manifest of a bundle.`);
  }
  if (version > BUNDLE_VERSION) {
    throw new BundleError(
      `${place} has format version ${version}, this onnsight reads ${BUNDLE_VERSION}. Update onnsight to open it.`,
    );
  }
  if (version < BUNDLE_VERSION) {
    throw new BundleError(
      `${place} has format version ${version}, this onnsight reads ${BUNDLE_VERSION}. Compile the bundle again: npx onnsight compile.`,
    );
  }
}

/**
 * Checks what the loader relies on, by hand: for browsers, where a schema library would be larger than all the rest. In Node
 * the schema is checked in full.
 */
export function checkManifest(json: Record<string, unknown>, place: string): Manifest {
  const manifest = json as Record<string, unknown> & Manifest;
  const isTensor = (one: unknown) => {
    const { name, dtype, dims } = (one ?? {}) as Record<string, unknown>;
    return typeof name === 'string' && typeof dtype === 'string' && (dims === null || Array.isArray(dims));
  };
  for (const key of ['inputs', 'parameters', 'outputs'] as const) {
    const list: unknown = manifest[key];
    if (!Array.isArray(list) || !list.every(isTensor))
      throw new BundleError(`${place}: ${key} is not a list of tensors.`);
  }
  for (const { name, default: usual } of manifest.parameters) {
    if (usual !== undefined && !(Array.isArray(usual?.dims) && Array.isArray(usual.data)))
      throw new BundleError(`${place}: the default of '${name}' is no tensor.`);
  }
  const files: unknown = manifest.files;
  if (!Array.isArray(files) || files.length === 0) throw new BundleError(`${place}: files are missing.`);
  const { tokenizer } = manifest;
  for (const file of [...manifest.files, ...(tokenizer ? [tokenizer.file, tokenizer.config] : [])]) {
    if (typeof file?.path !== 'string' || !/^(?!\.+$)[^/\\:]+$/.test(file.path)) {
      throw new BundleError(`${place}: the file ${JSON.stringify(file?.path)} points outside the bundle's folder.`);
    }
    if (!/^[0-9a-f]{64}$/.test(file.sha256)) throw new BundleError(`${place}: the file ${file.path} has no hash.`);
  }
  if (typeof manifest.returns?.kind !== 'string') throw new BundleError(`${place}: returns are missing.`);
  return manifest;
}
