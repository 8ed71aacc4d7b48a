import * as z from 'zod';
import { DTYPES } from '../graph/types.ts';
import type { TensorJson } from './json.ts';

/** What a tensor has to be that came as JSON. */
export const tensorSchema: z.ZodType<TensorJson> = z.strictObject({
  dtype: z.enum(DTYPES),
  dims: z.array(z.number().int().nonnegative()),
  data: z.base64(),
});
