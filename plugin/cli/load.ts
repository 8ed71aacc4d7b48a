import { pathToFileURL } from 'node:url';
import {
  type InterventionFunction,
  isForeignIntervention,
  isIntervention,
  withMistakesLater,
} from '../../runtime/api/intervention.ts';
import { noteMomentary } from '../../runtime/bundle/build/momentary.ts';
import { type Found, place } from './find.ts';
import { UsageError } from './usage-error.ts';

/** An intervention, and remarks about what its file did when it ran: it runs once, whatever is exported. */
export interface LoadedIntervention {
  readonly intervention: InterventionFunction;
  readonly notes: readonly string[];
}

/** Runs the file that exports an intervention, and returns it. Throws a UsageError if it is not one. */
export async function loadIntervention(found: Found): Promise<LoadedIntervention> {
  const load = () => import(pathToFileURL(found.file).href) as Promise<Record<string, unknown>>;
  const { result: module, notes } = await noteMomentary(() => withMistakesLater(load));
  // a CommonJS module is the default export of what an import gives
  const values = [module, module.default].map((exports) => (Object(exports) as typeof module)[found.exported]);
  const value = values.find(isIntervention);
  if (value) return { intervention: value, notes };
  if (values.some(isForeignIntervention)) {
    throw new UsageError(
      `${place(found)} - '${found.exported}' was made by another copy of onnsight than the one whose command runs. Install one copy, and run it with npx.`,
    );
  }
  throw new UsageError(
    `${place(found)} - The export '${found.exported}' is not an intervention when the file has run. It must be the result of intervention(…) of onnsight.`,
  );
}
