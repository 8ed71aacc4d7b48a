import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LanguageModel } from '../runtime/index.ts';
import { UsageError } from './usage-error.ts';

/**
 * The edits of a model that a file exports, by name: functions that take the model and give an edited copy,
 * `export const calm = (lm: LanguageModel) => lm.edit(() => { … })`.
 */
export async function loadEdits(file: string, lm: LanguageModel): Promise<ReadonlyMap<string, LanguageModel>> {
  const exported = Object.entries((await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>);
  if (exported.length === 0)
    throw new UsageError(`${file} exports no edits: export const calm = (lm) => lm.edit(() => { … });`);
  return new Map(
    exported.map(([name, edit]) => {
      const edited: unknown = typeof edit === 'function' ? edit(lm) : undefined;
      if (typeof (edited as LanguageModel | undefined)?.generate === 'function') return [name, edited as LanguageModel];
      throw new UsageError(
        `${file}: '${name}' is no function that takes a model and gives an edited one: (lm) => lm.edit(() => { … }).`,
      );
    }),
  );
}
