import type { OnnxModel } from './model.ts';

/** Operators that tell of a tensor how large it is, not what it holds. */
const SIZES = new Set(['Shape', 'Size']);

/** Fewer rows than any table of positions has, and more than one of token types. */
const FEW = 8;

/**
 * Whether a model adds embeddings of positions that count from the first column, whatever stands there: of a table as wide as
 * that of its tokens it takes as many rows as there are columns. Padding in front of tokens would change what they are.
 */
export function countsFromFirstColumn({ plain }: OnnxModel): boolean {
  const { graph, inputs, initializers } = plain;
  // What depends on the data of inputs, not on their sizes alone.
  const told = new Set(inputs.map(({ name }) => name));
  const widths = { tokens: new Set<number>(), columns: new Set<number>() };
  for (const { opType, input, output } of graph.node) {
    const isTold = !SIZES.has(opType) && input.some((tensor) => told.has(tensor));
    if (isTold) for (const tensor of output) told.add(tensor);
    const dims = initializers.get(input[0] ?? '')?.dims.map(Number) ?? [];
    if (!/^(Gather|GatherBlockQuantized|Slice)$/.test(opType) || dims.length < 2 || dims.at(-2)! < FEW) continue;
    widths[isTold ? 'tokens' : 'columns'].add(dims.at(-1)!);
  }
  return [...widths.columns].some((width) => widths.tokens.has(width));
}
