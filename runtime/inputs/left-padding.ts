import { CONTRIB } from '../onnx/domains.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { ATTENTION_MASK } from './convention.ts';

/** The input of an attention operator that takes either a mask or, of one dimension, the number of tokens of each row. */
const MASK_OR_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['Attention', 3],
  ['QAttention', 5],
  ['MultiHeadAttention', 4],
]);

/**
 * What is wrong with padding before a row's tokens: an attention operator that is told only how many tokens there are takes
 * the first ones, padding among them. Null where there is none, or where the model can tell it from tokens.
 */
export function leftPaddingFault(model: OnnxModel, prepared: ReadonlyMap<string, InputTensor>): string | null {
  const mask = prepared.get(ATTENTION_MASK);
  if (mask === undefined || !isPaddedOnLeft(mask)) return null;
  const reader = model.graph.node.find(({ opType, domain, input }) => {
    if (domain !== CONTRIB) return false;
    if (opType === 'GroupQueryAttention') return true;
    const lengths = input[MASK_OR_LENGTHS.get(opType) ?? -1] ?? '';
    return model.makerOf(lengths)?.opType === 'ReduceSum';
  });
  if (reader === undefined) return null;
  return `${ATTENTION_MASK} has padding before tokens, which this file's ${reader.opType} takes for tokens: it is told only how many there are in each row. Give rows of one length, or a trace for each`;
}

/** Whether a token follows on padding in some row. */
function isPaddedOnLeft({ dims, raw }: InputTensor): boolean {
  const length = dims.at(-1)!;
  return Array.from(raw as ArrayLike<number | bigint>).some(
    (value, i, all) => i % length > 0 && Number(value) !== 0 && Number(all[i - 1]) === 0,
  );
}
