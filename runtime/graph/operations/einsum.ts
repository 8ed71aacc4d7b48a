import { broadcastDims } from '../broadcast.ts';
import { OperationError } from '../operation.ts';
import type { Dim, Shape } from '../types.ts';

/** The subscripts of one term: letters, with `ellipsis` the place among them where the remaining dimensions go. */
interface Term {
  readonly letters: readonly string[];
  readonly ellipsis: number | null;
}

function parseTerm(text: string): Term {
  const [before, after, more] = text.split('...');
  const letters = [...`${before}${after ?? ''}`];
  const bad = letters.find((letter) => !/[A-Za-z]/.test(letter));
  if (bad !== undefined || more !== undefined) {
    throw new OperationError(`einsum(): invalid subscript given: ${bad ?? '...'}, subscripts must be in [a-zA-Z]`);
  }
  return { letters, ellipsis: after === undefined ? null : before!.length };
}

/** The terms of an equation. Without `->` the result has the letters that occur once, in alphabetical order. */
function parse(equation: string): { readonly operands: readonly Term[]; readonly result: Term } {
  const [left, right, more] = equation.replaceAll(' ', '').split('->');
  if (more !== undefined) throw new OperationError(`einsum(): the equation '${equation}' has more than one '->'`);
  const operands = left!.split(',').map(parseTerm);
  if (right !== undefined) return { operands, result: parseTerm(right) };
  const all = operands.flatMap((term) => term.letters);
  const once = all.filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort();
  return { operands, result: { letters: once, ellipsis: operands.some((term) => term.ellipsis !== null) ? 0 : null } };
}

/**
 * The equation with its result spelled out, and without spaces. ONNX keeps the dimensions of an ellipsis: where the result
 * has none of them they get letters, and are summed away.
 * @param rank how many dimensions an ellipsis stands for
 */
export function explicitEquation(equation: string, rank: number): string {
  const [operands] = equation.replaceAll(' ', '').split('->');
  const { letters, ellipsis } = parse(equation).result;
  const text = letters.join('');
  if (ellipsis === null) return `${operands!.replaceAll('...', unused(equation, rank))}->${text}`;
  return `${operands}->${text.slice(0, ellipsis)}...${text.slice(ellipsis)}`;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

function unused(equation: string, count: number): string {
  return [...LETTERS]
    .filter((letter) => !equation.includes(letter))
    .slice(0, count)
    .join('');
}

/** For each operand the place of its ellipsis and the number of dimensions that it stands for; null where unknown. */
export function batchRanks(
  equation: string,
  shapes: readonly Shape[],
): readonly ({ readonly start: number; readonly rank: number } | null)[] {
  return parse(equation).operands.map(({ letters, ellipsis }, i) => {
    const shape = shapes[i] ?? null;
    return shape === null || ellipsis === null ? null : { start: ellipsis, rank: shape.length - letters.length };
  });
}

/** The shape of `einsum`. Errors are PyTorch's. */
export function einsumShape(equation: string, shapes: readonly Shape[]): Shape {
  const { operands, result } = parse(equation);
  if (operands.length !== shapes.length) {
    const count = operands.length > shapes.length ? 'fewer' : 'more';
    throw new OperationError(
      `einsum(): ${count} operands were provided than specified in the equation: ${shapes.length} for '${equation}'`,
    );
  }
  const sizes = new Map<string, Dim>();
  let batch: readonly Dim[] | null = [];
  operands.forEach(({ letters, ellipsis }, operand) => {
    const shape = shapes[operand]!;
    for (const letter of letters) if (!sizes.has(letter)) sizes.set(letter, 1);
    if (shape === null) {
      for (const letter of letters) if (sizes.get(letter) === 1) sizes.set(letter, null);
      if (ellipsis !== null) batch = null;
      if (ellipsis !== null && result.ellipsis === null) {
        throw new OperationError(
          `einsum(): the result of '${equation}' sums over '...', and how many dimensions these are in operand ${operand} is known only when the model runs. Reshape it first, or write '...' in the result`,
        );
      }
      return;
    }
    const covered = shape.length - letters.length;
    if (covered < 0 || (ellipsis === null && covered !== 0)) {
      throw new OperationError(
        `einsum(): the number of subscripts in the equation (${letters.length}) does not match the number of dimensions ` +
          `(${shape.length}) for operand ${operand}${ellipsis === null ? ' and no ellipsis was given' : ''}`,
      );
    }
    const start = ellipsis ?? letters.length;
    if (ellipsis !== null && batch !== null) batch = joinBatch(batch, shape.slice(start, start + covered), operand);
    letters.forEach((letter, i) => {
      const here = shape[i < start ? i : i + covered]!;
      sizes.set(letter, agree(letter, sizes.get(letter)!, here, operand));
    });
  });
  const missing = result.letters.find((letter) => !sizes.has(letter));
  if (missing !== undefined) {
    throw new OperationError(
      `einsum(): output subscript ${missing} does not appear in the equation for any input operand: '${equation}'`,
    );
  }
  if (result.ellipsis !== null && batch === null) return null;
  const dims = result.letters.map((letter) => sizes.get(letter)!);
  return result.ellipsis === null
    ? dims
    : [...dims.slice(0, result.ellipsis), ...(batch ?? []), ...dims.slice(result.ellipsis)];
}

function agree(letter: string, seen: Dim, here: Dim, operand: number): Dim {
  const size = broadcastDims(seen, here);
  if (size !== undefined) return size;
  throw new OperationError(
    `einsum(): subscript ${letter} has size ${here} for operand ${operand} which does not broadcast with previously ` +
      `seen size ${seen}`,
  );
}

function joinBatch(seen: readonly Dim[], here: readonly Dim[], operand: number): readonly Dim[] {
  const rank = Math.max(seen.length, here.length);
  const padded = (dims: readonly Dim[]): Dim[] => [...Array<Dim>(rank - dims.length).fill(1), ...dims];
  const [left, right] = [padded(seen), padded(here)];
  return left.map((size, i) => agree('...', size, right[i]!, operand));
}
