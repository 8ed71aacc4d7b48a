import type { DType } from './dtypes.ts';
import { DTYPES } from './dtypes.ts';

const REGION_KEYS: ReadonlySet<string> = new Set(['parameters', 'nodes', 'results']);
const NODE_KEYS: ReadonlySet<string> = new Set(['op', 'inputs', 'attributes', 'outputs', 'regions', 'site']);
const dtypes: ReadonlySet<unknown> = new Set<DType>(DTYPES);

/**
 * Whether data has the form of a region, told quickly: a graph of 10,000 nodes is read in a few milliseconds. Of what this
 * does not accept the schema says what is wrong, and where. Attributes are checked by the schemas of the operations.
 */
export function hasRegionForm(json: unknown): boolean {
  if (!isRecord(json) || !hasOnly(json, REGION_KEYS)) return false;
  const { parameters, nodes, results } = json;
  return mayBeAll(parameters, isValue) && all(nodes, isNode) && mayBeAll(results, isInteger);
}

function isNode(json: unknown): boolean {
  if (!isRecord(json) || !hasOnly(json, NODE_KEYS)) return false;
  const { op, inputs, attributes, outputs, regions, site } = json;
  return (
    typeof op === 'string' &&
    mayBeAll(inputs, isInteger) &&
    (attributes === undefined || isRecord(attributes)) &&
    mayBeAll(outputs, isValue) &&
    mayBeAll(regions, hasRegionForm) &&
    (site === null || site === undefined || isSite(site))
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

/** Of a list that may be left out. */
function mayBeAll(json: unknown, fits: (one: unknown) => boolean): boolean {
  return json === undefined || all(json, fits);
}

/** Whether there are no other keys. */
function hasOnly(json: Readonly<Record<string, unknown>>, keys: ReadonlySet<string>): boolean {
  for (const key of Object.keys(json)) if (!keys.has(key)) return false;
  return true;
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
