/**
 * Where models are cut into segments that are compiled once for all traces: at their repeated modules (`layers`, the
 * default), at every module (`modules`), or nowhere (`off`), so that every new structure compiles the whole model.
 */
export type Segmentation = 'layers' | 'modules' | 'off';

const KINDS: readonly Segmentation[] = ['layers', 'modules', 'off'];

/** What the environment variable ONNSIGHT_SEGMENTS says. Throws a TypeError on a value that is none of the three. */
export function defaultSegmentation(value = process.env.ONNSIGHT_SEGMENTS): Segmentation {
  if (value === undefined || value === '') return 'layers';
  const found = KINDS.find((kind) => kind === value);
  if (found === undefined) throw new TypeError(`ONNSIGHT_SEGMENTS is '${value}'. Set it to ${KINDS.join(', ')}.`);
  return found;
}
