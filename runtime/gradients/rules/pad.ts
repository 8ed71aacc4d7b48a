import type { Rule } from '../rule.ts';
import { addAt, positions } from './positions.ts';

export const pad: Rule = (emit, at) => {
  const [x, amounts] = at.inputs as [string, string];
  const axes = at.input(3) ? [at.input(3)] : [];
  const isConstant = at.string('mode', 'constant') === 'constant';
  return at.each((input, i) => {
    if (!isConstant) {
      // The positions padded alike say where each element came from.
      const places = emit.like(at.node, [positions(emit, x), amounts, ...axes.flatMap((one) => ['', one])])[0]!;
      return addAt(emit, x, places, at.gradient);
    }
    // Negative amounts: padding is cut off, and cuts are padded with zeros.
    if (i === 0) return emit.sized(emit.node('Pad', [at.gradient, emit.neg(amounts), emit.number(x, 0), ...axes]), x);
    const marked = emit.node('Pad', [emit.zerosLike(x), amounts, emit.number(x, 1), ...axes]);
    const sum = emit.sum(emit.masked(emit.compare('Equal', marked, 1), at.gradient), null, false);
    return emit.reshapeLike(sum, input);
  });
};
