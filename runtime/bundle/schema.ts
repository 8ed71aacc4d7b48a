import * as z from 'zod';
import { DTYPES } from '../graph/types.ts';

/** The schema of a bundle's manifest. */

const name = z.string().min(1);
const count = z.number().int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 hash in hexadecimal');
const dim = z.union([count, name]).nullable();

/** Free sizes are names, or null; dims are null where even their number is free. */
const tensor = z.strictObject({ name, dtype: z.enum(DTYPES), dims: z.array(dim).nullable() });
/**
 * Whether the model reads the input: if not, a caller may give it, and it is ignored. Of a part of the key-value cache that
 * keeps the last tokens alone: how many.
 */
const input = z.strictObject({ ...tensor.shape, used: z.boolean(), window: count.exactOptional() });
/** Feeds the parameter where a caller leaves it out. Texts stand for what JSON has no numbers for: "NaN", "-0". */
const parameter = z.strictObject({
  ...tensor.shape,
  default: z.strictObject({ dims: z.array(count), data: z.array(z.union([z.number(), z.string()])) }).optional(),
});
const site = z.strictObject({ file: z.string(), line: count, column: count });

/** The outputs that hold a list whose length only the run tells. */
const list = z.strictObject({ data: name, shapes: name, ranks: name });
/** How the value that the block returned is made of the model's outputs. */
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

export const manifestSchema = z.strictObject({
  format: z.literal('onnsight-bundle'),
  version: z.literal(1),
  name,
  /** Where the intervention is declared: its file as seen from its package, and that package's name if it has one. */
  source: site,
  package: z.string().optional(),
  /** The model that it was compiled for. */
  model,
  /** The models that the block calls, and the paths at which they are attached. They are inside of the bundle's model. */
  attached: z.array(z.strictObject({ path: name, ...model.shape })).optional(),
  inputs: z.array(input),
  parameters: z.array(parameter),
  outputs: z.array(tensor).min(1),
  returns,
  /** The changes that the bundle makes in the model, and their lines. */
  writes: z.array(z.strictObject({ tensor: z.string(), source: site.nullable() })),
  weights: z.enum(['link', 'embed']),
  optimized: z.boolean(),
  /** The model first, then the files of its weights. */
  files: z.array(file).min(1),
  /**
   * What makes tokens of texts: the token that fills shorter rows up and on which side (on the left unless told; 'none':
   * texts of one batch have one length), how many tokens the model takes, and the
   * token that the decoder of an encoder-decoder begins with.
   */
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

export type Manifest = z.infer<typeof manifestSchema>;
export type Returns = z.infer<typeof returns>;
export type ListOutputs = z.infer<typeof list>;
export type BundleTensor = z.infer<typeof tensor>;
export type BundleParameter = z.infer<typeof parameter>;
export type BundleFile = z.infer<typeof file>;
