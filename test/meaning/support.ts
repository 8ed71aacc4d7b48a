import { fileURLToPath } from 'node:url';
import { type Loose, NNsight } from 'onnsight';
import type { Traced } from '../../runtime/types/tensor.ts';

/** A small model in which numbers become traced. */
export const model = await NNsight.load<Loose>(fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url)), {
  device: 'cpu',
});
export const inputs = { x: [[0.1, 0.2, 0.3, 0.4, 0.5]] };

/** A number, or a vector of numbers, that only the run knows. */
export function traced(value: number): Traced;
export function traced(value: readonly number[]): Traced;
export function traced(value: number | readonly number[]): unknown {
  'use trace';
  return model.layer1.output[0][0] * 0 + (value as number);
}

/** A whole number that only the run knows. */
export function tracedInt(value: number): Traced {
  'use trace';
  return (traced(0).long() + value) as Traced;
}

/** Traces a block with the model, and gives what it saved as plain numbers, truth values and lists of them. */
export const small = {
  trace: async (block: () => unknown): Promise<unknown> => plain(await model.trace(inputs, block)),
};

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  const tensor = value as { dims?: readonly number[]; toArray?: () => unknown } | undefined;
  return tensor?.toArray ? tensor.toArray() : value;
}
