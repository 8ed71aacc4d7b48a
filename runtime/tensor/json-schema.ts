import * as z from 'zod';
import { elementSchema } from '../graph/json-schema.ts';
import { DTYPES } from '../graph/types.ts';
import type { GivenTensorJson, TensorJson } from './json.ts';

const form = { dtype: z.enum(DTYPES), dims: z.array(z.number().int().nonnegative()) };

/** What a tensor has to be in a request, which may be written by hand. */
export const givenTensorSchema: z.ZodType<GivenTensorJson> = z.strictObject({
  ...form,
  data: z.union([z.base64(), z.array(elementSchema)], {
    error: ({ input }) =>
      Array.isArray(input)
        ? 'its elements are numbers, or strings: digits of whole numbers, NaN, Infinity, -Infinity'
        : 'expected the elements in a list, or their bytes in base64',
  }),
});

/** What a tensor has to be that came as JSON. */
export const tensorSchema: z.ZodType<TensorJson> = z.strictObject({
  ...form,
  data: z.base64(),
});
