import * as z from 'zod';
import { DTYPES } from '../graph/types.ts';
import type { Manifest } from './manifest-types.ts';

const name = z.string().min(1);
const count = z.number().int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 hash in hexadecimal');
const dim = z.union([count, name]).nullable();

const tensor = z.strictObject({ name, dtype: z.enum(DTYPES), dims: z.array(dim).nullable() });
const input = z.strictObject({ ...tensor.shape, used: z.boolean(), window: count.exactOptional() });
const parameter = z.strictObject({
  ...tensor.shape,
  default: z.strictObject({ dims: z.array(count), data: z.array(z.union([z.number(), z.string()])) }).optional(),
});
const site = z.strictObject({ file: z.string(), line: count, column: count });

const list = z.strictObject({ data: name, shapes: name, ranks: name });
const returns = z.union([
  z.strictObject({ kind: z.literal('tensor'), output: name }),
  z.strictObject({ kind: z.literal('saved'), list, loop: z.boolean() }),
  z.strictObject({ kind: z.literal('entries'), list }),
  z.strictObject({
    kind: z.literal('array'),
    get items() {
      return z.array(returns);
    },
  }),
  z.strictObject({
    kind: z.literal('object'),
    get fields() {
      return z.record(z.string(), returns);
    },
  }),
  z.strictObject({
    kind: z.literal('choice'),
    test: name,
    get then() {
      return returns;
    },
    get else() {
      return returns;
    },
  }),
  z.strictObject({
    kind: z.literal('value'),
    value: z.union([z.string(), z.number(), z.boolean(), z.null()]).optional(),
  }),
  z.strictObject({ kind: z.literal('number'), value: z.literal(['NaN', 'Infinity', '-Infinity', '-0']) }),
]);

const file = z.strictObject({
  path: z.string().regex(/^[^/\\:]+$/, "expected the name of a file in the bundle's folder"),
  bytes: count,
  sha256: hash,
});

const model = z.strictObject({ file: z.string(), sha256: hash, opset: count });

/** What bundle.json has to be. */
export const manifestSchema: z.ZodType<Manifest> = z.strictObject({
  format: z.literal('onnsight-bundle'),
  version: z.literal(1),
  name,
  source: site,
  package: z.string().optional(),
  model,
  attached: z.array(z.strictObject({ path: name, ...model.shape })).optional(),
  inputs: z.array(input),
  parameters: z.array(parameter),
  outputs: z.array(tensor).min(1),
  returns,
  writes: z.array(z.strictObject({ tensor: z.string(), source: site.nullable() })),
  weights: z.enum(['link', 'embed']),
  optimized: z.boolean(),
  files: z.array(file).min(1),
  tokenizer: z
    .strictObject({
      file,
      config: file,
      pad: count,
      longest: count.nullable(),
      side: z.enum(['left', 'right', 'none']).optional(),
      start: count.optional(),
    })
    .optional(),
});
