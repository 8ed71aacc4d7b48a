import { ATTENTION_MASK, isKeyValue, pastOf } from '../inputs/convention.ts';
import type { OnnxModel } from '../onnx/model.ts';

/** Where a mask keeps tokens from others; the states that come after it are not kept from padding by it. */
const BETWEEN_TOKENS = /Softmax$|Attention$/;

/**
 * Whether padding goes into a state (of a convolution or recurrence) that a model hands from step to step: nothing that the
 * mask is in, but attention, is between the tokens and the state.
 */
export function takesPaddingIntoStates({ plain }: OnnxModel): boolean {
  const { graph, inputs, outputs } = plain;
  const states = outputs.filter(({ name }) => {
    const past = pastOf(name, inputs);
    return past !== null && !isKeyValue(past) && past.startsWith('past');
  });
  if (states.length === 0) return false;
  const masked = new Set([ATTENTION_MASK]);
  for (const { opType, input, output } of graph.node) {
    if (BETWEEN_TOKENS.test(opType) || opType === 'Shape') continue;
    if (input.some((tensor) => masked.has(tensor))) for (const tensor of output) masked.add(tensor);
  }
  return states.some(({ name }) => !masked.has(name));
}
