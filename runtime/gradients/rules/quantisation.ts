import type { Rule, Rules } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';

/** Whole numbers have no gradient; a scale of the whole tensor has one. */
const dequantize: Rule = (emit, at) => {
  if (at.needs(0)) throw at.refuse('what it reads is quantized');
  const [x, scale] = at.inputs as [string, string];
  return at.each((input, i) => {
    if (i !== 1 || emit.rank(scale) !== 0) throw at.refuse('scales for parts of a tensor have no derivative here');
    const zero = at.input(2);
    const dtype = emit.dtype(scale);
    const steps = zero ? emit.minus(emit.cast(x, dtype), emit.cast(zero, dtype)) : emit.cast(x, dtype);
    return unbroadcast(emit, emit.times(at.gradient, steps), input, at.outputs[0]!);
  });
};

/** Rules of operators that read quantized tensors. Those that make them end the path, as they are whole numbers. */
export const QUANTISATION: Rules = { DequantizeLinear: dequantize };
