import { pathToFileURL } from 'node:url';
import { type InterventionFunction, isForeignIntervention, isIntervention } from '../../runtime/api/intervention.ts';
import { type Found, place } from './find.ts';
import { UsageError } from './usage-error.ts';

/** Runs the file that exports an intervention, and returns it. Throws a UsageError if it is not one. */
export async function loadIntervention(found: Found): Promise<InterventionFunction> {
  const module = (await import(pathToFileURL(found.file).href)) as Record<string, unknown>;
  // a CommonJS module is the default export of what an import gives
  const values = [module, module.default].map((exports) => (Object(exports) as typeof module)[found.exported]);
  const value = values.find(isIntervention);
  if (value) return value;
  if (values.some(isForeignIntervention)) {
    throw new UsageError(
      `${place(found)} - '${found.exported}' was made by another copy of onnsight than the one whose command runs. Install one copy, and run it with npx.`,
    );
  }
  throw new UsageError(
    `${place(found)} - The export '${found.exported}' is not an intervention when the file has run. It must be the result of intervention(…) of onnsight.`,
  );
}
