import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LanguageModel } from '../runtime/index.ts';
import { UsageError } from './usage-error.ts';

/**
 * The edits of a model that a file exports, by name: functions that take the model and give an edited copy, or
 * promise one, `export const calm = (lm: LanguageModel) => lm.edit(() => { … })`.
 */
export async function loadEdits(file: string, lm: LanguageModel): Promise<ReadonlyMap<string, LanguageModel>> {
  const failed = (error: unknown, what: string) =>
    new UsageError(`${file}: ${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  const module = (await import(pathToFileURL(resolve(file)).href).catch((error: unknown) => {
    throw failed(error, 'it cannot be loaded');
  })) as Record<string, unknown>;
  const exported = Object.entries(module);
  if (exported.length === 0)
    throw new UsageError(`${file} exports no edits: export const calm = (lm) => lm.edit(() => { … });`);
  const edits = new Map<string, LanguageModel>();
  for (const [name, edit] of exported) {
    const make = async () => (typeof edit === 'function' ? edit(lm) : undefined);
    const edited: unknown = await make().catch((error: unknown) => {
      throw failed(error, `'${name}' has failed`);
    });
    if (typeof (edited as LanguageModel | undefined)?.generate !== 'function') {
      throw new UsageError(
        `${file}: '${name}' is no function that takes a model and gives an edited one: (lm) => lm.edit(() => { … }).`,
      );
    }
    edits.set(name, edited as LanguageModel);
  }
  return edits;
}
