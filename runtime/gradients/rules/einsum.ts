import type { Emitter } from '../emitter.ts';
import type { Application, Rule } from '../rule.ts';
import { unbroadcast } from '../unbroadcast.ts';

const ALPHABET = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/** The gradient by an operand: the operand and the output change places. */
export const einsum: Rule = (emit, at) => {
  const { terms, output } = parse(at);
  return at.each((input, i) => {
    const others = terms.flatMap((term, k) => (k === i ? [] : [{ term, tensor: at.input(k) }]));
    const operands = [{ term: output, tensor: at.gradient }, ...others];
    const own = swapped(emit, at, input, terms[i]!, operands);
    return unbroadcast(emit, own, input, own);
  });
};

interface Operand {
  readonly term: string;
  readonly tensor: string;
}

function parse(at: Application): { terms: readonly string[]; output: string } {
  const [left, right] = at.string('equation', '').replaceAll(' ', '').split('->');
  const terms = left!.split(',');
  if (right !== undefined) return { terms, output: right };
  const letters = lettersOf(terms.join(''));
  const once = letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  return { terms, output: (left!.includes('...') ? '...' : '') + once.join('') };
}

function lettersOf(term: string): string[] {
  return [...term.replace(/\./g, '')];
}

function swapped(emit: Emitter, at: Application, input: string, term: string, given: readonly Operand[]): string {
  const [gradient] = given;
  const hasEllipsis = gradient!.term.includes('...');
  if (term.includes('...') && !hasEllipsis) throw at.refuse(`the equation sums over the dots of '${term}'`);
  const operands = [...given];
  const used = new Set(given.flatMap((operand) => lettersOf(operand.term)));
  const isFree = (letter: string) => !used.has(letter) && !term.includes(letter);
  const seen = new Set<string>();
  let target = '';
  for (const [k, letter] of [...term].entries()) {
    let own = letter;
    const size = () => emit.size(input, k < term.indexOf('.') || !term.includes('.') ? k : k - term.length);
    if (seen.has(letter) && letter !== '.') {
      // On a diagonal: 0 off it.
      own = ALPHABET.find((one) => isFree(one) && !target.includes(one))!;
      operands.push({ term: letter + own, tensor: identity(emit, input, size()) });
    } else if (letter !== '.' && !used.has(letter)) {
      // Summed away: all places get the same.
      operands.push({ term: letter, tensor: emit.node('Expand', [emit.number(input, 1), size()]) });
    }
    seen.add(letter);
    target += own;
  }
  // An operand without dots was repeated along them: its gradient is summed up afterwards.
  const result = hasEllipsis && !term.includes('...') ? `...${target}` : target;
  const equation = `${operands.map((operand) => operand.term).join()}->${result}`;
  const tensors = operands.map(({ tensor }) => tensor);
  return emit.node('Einsum', tensors, { equation: { string: equation } });
}

function identity(emit: Emitter, like: string, size: string): string {
  return emit.node('EyeLike', [emit.zeros(emit.join(size, size), emit.dtype(like))]);
}
