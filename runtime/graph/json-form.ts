import type { DType } from './dtypes.ts';
import { DTYPES } from './dtypes.ts';

const dtypes: ReadonlySet<unknown> = new Set<DType>(DTYPES);

/**
 * Whether data has the form of a region, told quickly: a graph of 10,000 nodes is read in a few milliseconds. Of what this
 * does not accept the schema says what is wrong, and where. Attributes are checked by the schemas of the operations.
 */
export function hasRegionForm(json: unknown): boolean {
  if (!hasKeys(json, 3)) return false;
  const { parameters, nodes, results } = json;
  return all(parameters, isValue) && all(nodes, isNode) && all(results, isInteger);
}

function isNode(json: unknown): boolean {
  if (!hasKeys(json, 6)) return false;
  const { op, inputs, attributes, outputs, regions, site } = json;
  return (
    typeof op === 'string' &&
    all(inputs, isInteger) &&
    isRecord(attributes) &&
    all(outputs, isValue) &&
    all(regions, hasRegionForm) &&
    (site === null || isSite(site))
  );
}

function isValue(json: unknown): boolean {
  if (!hasKeys(json, 3)) return false;
  const { id, dtype, shape } = json;
  return isSize(id) && dtypes.has(dtype) && (shape === null || all(shape, isDim));
}

function isSite(json: unknown): boolean {
  if (!hasKeys(json, 3)) return false;
  const { file, line, column } = json;
  return typeof file === 'string' && Number.isFinite(line) && Number.isFinite(column);
}

function isDim(json: unknown): boolean {
  return json === null || isSize(json);
}

function isSize(json: unknown): boolean {
  return isInteger(json) && (json as number) >= 0;
}

function isInteger(json: unknown): boolean {
  return Number.isSafeInteger(json);
}

function all(json: unknown, fits: (one: unknown) => boolean): boolean {
  return Array.isArray(json) && json.every(fits);
}

function isRecord(json: unknown): json is Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null) return false;
  const prototype = Object.getPrototypeOf(json);
  return prototype === Object.prototype || prototype === null;
}

/** Whether data is an object with so many keys: one too few is a value that does not fit. */
function hasKeys(json: unknown, count: number): json is Readonly<Record<string, unknown>> {
  return isRecord(json) && Object.keys(json).length === count;
}
