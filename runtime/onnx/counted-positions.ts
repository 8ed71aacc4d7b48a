import type { OnnxModel } from './model.ts';

/** Operators that tell of a tensor how large it is, not what it holds. */
const SIZES = new Set(['Shape', 'Size']);
/** Operators that pass ids on as they are. */
const SAME = new Set(['Identity', 'Cast', 'Reshape', 'Unsqueeze', 'Squeeze', 'Flatten']);
/** Operators that take rows of a table. */
const LOOK_UP = new Set(['Gather', 'GatherBlockQuantized', 'Slice']);

/** Fewer rows than any table of positions has, and more than one of token types. */
const FEW = 8;

/**
 * What a model counts positions by where it adds embeddings of them to those of its tokens: the columns, whatever stands
 * there, so that padding in front of tokens would change what they are; or the tokens that are not its own padding token. Null where
 * they are given, or the mask tells them, or there are none.
 * @param tokens the input of token ids
 */
export function positionsCountedBy({ plain }: OnnxModel, tokens: string): 'columns' | 'tokens' | null {
  const { graph, inputs } = plain;
  const ids = new Set([tokens]);
  // What depends on the data of inputs, not on their sizes alone.
  const ofTokens = new Set([tokens]);
  const ofOthers = new Set(inputs.flatMap(({ name }) => (name === tokens ? [] : [name])));
  const widths = { ids: new Set<number>(), columns: new Set<number>(), tokens: new Set<number>() };
  for (const { opType, input, output } of graph.node) {
    const isIn = (set: ReadonlySet<string>) => !SIZES.has(opType) && input.some((tensor) => set.has(tensor));
    const index = input[1] ?? '';
    const dims = tableDims(plain, input[0] ?? '');
    if (LOOK_UP.has(opType) && dims.length >= 2 && dims.at(-2)! >= FEW && !isIn(ofOthers)) {
      const by = !isIn(ofTokens) ? 'columns' : ids.has(index) ? 'ids' : 'tokens';
      widths[by].add(dims.at(-1)!);
    }
    if (SAME.has(opType) && ids.has(input[0] ?? '')) ids.add(output[0]!);
    for (const set of [ofTokens, ofOthers]) if (isIn(set)) for (const tensor of output) set.add(tensor);
  }
  const stands = (kind: 'columns' | 'tokens') => [...widths[kind]].some((width) => widths.ids.has(width));
  return stands('columns') ? 'columns' : stands('tokens') ? 'tokens' : null;
}

/** The dims of a table, which may be quantized; none for what is not one. */
function tableDims(model: OnnxModel, tensor: string): readonly number[] {
  const maker = model.makerOf(tensor);
  const name = maker?.opType === 'DequantizeLinear' ? maker.input[0]! : tensor;
  return model.initializers.get(name)?.dims.map(Number) ?? [];
}
