import type { Value } from '../graph/types.ts';

/**
 * What to add to an error about shapes where one of the operands is `module.output[0]`: in nnsight that takes the tensor out
 * of a tuple, here it is the first row of the batch. Empty where there is none.
 */
export function firstRowHint(inputs: readonly Value[]): string {
  const place = inputs.map(outputOfFirstRow).find((one) => one !== null);
  return place == null
    ? ''
    : `. ${place}.output[0] is the first row of the batch, with a dimension less: a module's output is the tensor itself, not a tuple of them as in nnsight. Leave [0] away`;
}

/** The path of the module whose output's first row a value is, or is computed from. */
function outputOfFirstRow({ node }: Value): string | null {
  if (node?.op !== 'getitem') return null;
  const [of, index] = node.inputs;
  const [item, ...others] = node.attributes.items;
  const takesFirst = item?.kind === 'int' && others.length === 0 && index?.type.constant?.[0] === 0;
  const source = of?.node;
  return takesFirst && source?.op === 'read' && source.attributes.port === 'output' ? source.attributes.path : null;
}
