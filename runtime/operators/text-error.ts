import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';

/** A traced tensor is to become a text. */
export function textError(where: string, site: Site | null): TraceError {
  return new TraceError(
    `A traced tensor ${where}, but it has no value before the model runs. Print it with console.log(tensor), or save() it and format the result.`,
    site,
  );
}
