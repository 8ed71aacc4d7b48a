import * as z from 'zod';
import { DTYPES } from './dtypes.ts';
import { hasRegionForm } from './json-form.ts';
import { type GivenRegionJson, GRAPH_VERSION, type GraphJson } from './json-types.ts';

/** The sizes of a tensor; null for one that only the run tells, or if not even their number is known. */
export const dims = z.array(z.number().int().nonnegative().nullable()).nullable();
const value = z.strictObject({ id: z.number().int().nonnegative(), dtype: z.enum(DTYPES), shape: dims });
/** A line of a user's program; null where it is not known. */
export const siteSchema = z.strictObject({ file: z.string(), line: z.number(), column: z.number() }).nullable();

const region = z.strictObject({
  parameters: z.array(value).optional(),
  get nodes() {
    return z.array(node);
  },
  results: z.array(z.number().int()).optional(),
});
const node = z.strictObject({
  op: z.string(),
  inputs: z.array(z.number().int()).optional(),
  attributes: z.record(z.string(), z.json()).optional(),
  outputs: z.array(value).optional(),
  get regions() {
    return z.array(region).optional();
  },
  site: siteSchema.optional(),
});
/** What an element is that came as JSON: 64-bit integers are digits where numbers cannot hold them. */
export const elementSchema = z.union([
  z.number(),
  z.string().regex(/^-?\d+$/),
  z.literal(['NaN', 'Infinity', '-Infinity']),
]);
const operand = z.strictObject({
  value: z.number().int(),
  dims: z.array(z.number().int().nonnegative()),
  data: z.array(elementSchema),
});
/** As its schema, but quicker where nothing is wrong. */
const quickRegion = z.custom<GivenRegionJson>().superRefine((json, context) => {
  if (hasRegionForm(json)) return;
  const { error } = region.safeParse(json);
  for (const issue of error?.issues ?? []) context.addIssue({ ...issue, code: 'custom' });
});
export const graphSchema: z.ZodType<Omit<GraphJson, 'root'> & { root: GivenRegionJson }> = z.strictObject({
  format: z.literal('onnsight-graph'),
  version: z.literal(GRAPH_VERSION),
  root: quickRegion,
  saves: z.array(z.strictObject({ name: z.string(), value: z.number().int() })),
  operands: z.array(operand),
});
