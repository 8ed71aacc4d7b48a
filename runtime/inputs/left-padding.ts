import { CONTRIB, isStandard } from '../onnx/domains.ts';
import { canGatherRows, takesTokensInFront } from '../onnx/gathered-rows.ts';
import { isGroupQueryAttention } from '../onnx/group-query.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { ATTENTION_MASK, EMBEDDINGS, pastLength, TOKEN_IDS } from './convention.ts';

/** The input of an attention operator that takes either a mask or, of one dimension, the number of tokens of each row. */
const MASK_OR_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['Attention', 3],
  ['QAttention', 5],
  ['MultiHeadAttention', 4],
  ['DecoderMaskedMultiHeadAttention', 3],
  ['SparseAttention', 8],
  ['PackedAttention', 4],
  ['PackedMultiHeadAttention', 5],
  ['PagedAttention', 5],
]);

/** The same of ONNX's own Attention, from operator set 24 on. */
const LENGTHS = 6;

/** What only passes the number of tokens on, or makes another number of it. */
const PASSES_ON = new Set(['Cast', 'Sub', 'Add', 'Identity', 'Squeeze', 'Unsqueeze', 'Reshape', 'CumSum', 'Concat']);

/** The inputs that tell which tokens of a run are padding. */
export interface Padding {
  readonly tokens: string;
  readonly mask: string;
}

/**
 * What is wrong with padding before a row's tokens: an attention operator that is told only how many tokens there are takes
 * the first ones, padding among them. Null where there is none, or where the model can tell it from tokens or be given them
 * in front.
 */
export function leftPaddingFault(model: OnnxModel, prepared: ReadonlyMap<string, InputTensor>): string | null {
  const mask = prepared.get(ATTENTION_MASK);
  if (mask === undefined || !isPaddedOnLeft(mask)) return null;
  const { graph } = model.plain;
  const reader =
    graph.node.find((node) => isCounted(model.plain, lengthsOf(node))) ??
    (graph.node.some(isGroupQueryAttention) ? groupQueryFault(model, prepared) : undefined);
  if (reader === undefined) return null;
  return `${ATTENTION_MASK} has padding before tokens, which this file's ${reader.opType} takes for tokens: it is told only how many there are in each row. Give rows of one length, or a trace for each`;
}

/**
 * Whether tokens of a run follow on padding. One that goes on from a cache has no new tokens that do, and the cache has each
 * row's tokens in front already.
 */
export function isPadded(model: OnnxModel, inputs: ReadonlyMap<string, InputTensor>): boolean {
  const mask = inputs.get(ATTENTION_MASK);
  return mask !== undefined && pastLength(model.inputs, inputs) === 0 && isPaddedOnLeft(mask);
}

/**
 * The inputs that tell where padding is, of a model that has to give its attention operators the tokens of each row in front;
 * null for one whose operators see the mask itself.
 */
export function anyPadding(model: OnnxModel): Padding | null {
  const has = (name: string) => model.inputs.some((input) => input.name === name);
  const tokens = [TOKEN_IDS, EMBEDDINGS].find(has);
  const isMasked = has(ATTENTION_MASK) && takesTokensInFront(model) && canGatherRows(model);
  return isMasked && tokens !== undefined ? { tokens, mask: ATTENTION_MASK } : null;
}

/** Whether a run has fewer tokens in some rows than in others, and an operator of attention is told only how many. */
export function hasUnevenRows({ graph }: OnnxModel, inputs: ReadonlyMap<string, InputTensor>): boolean {
  const mask = inputs.get(ATTENTION_MASK);
  return graph.node.some(isGroupQueryAttention) && mask !== undefined && isPaddedOnLeft(mask);
}

/** An operator whose tokens cannot be given in front, or whose new ones have padding beside a cache. */
function groupQueryFault(model: OnnxModel, prepared: ReadonlyMap<string, InputTensor>): NodeProto | undefined {
  const node = model.plain.graph.node.find(isGroupQueryAttention);
  if (!model.graph.node.some(isGroupQueryAttention) || !canGatherRows(model)) return node;
  const tokens = prepared.get(TOKEN_IDS) ?? prepared.get(EMBEDDINGS);
  if (!tokens) return node;
  const count = tokens.dims[1]!;
  const isAlone = pastLength(model.inputs, prepared) === 0 || count === 1;
  return isAlone || !isPaddedOnLeft(prepared.get(ATTENTION_MASK)!, count) ? undefined : node;
}

/** The number of each row's tokens, where an operator takes such a thing. */
function lengthsOf({ opType, domain, input }: NodeProto): string {
  if (domain === CONTRIB) return input[MASK_OR_LENGTHS.get(opType) ?? -1] ?? '';
  return isStandard({ domain }) && opType === 'Attention' ? (input[LENGTHS] ?? '') : '';
}

/** Whether a tensor is made of the number of tokens. */
function isCounted(model: OnnxModel, tensor: string): boolean {
  const maker = tensor === '' ? undefined : model.makerOf(tensor);
  if (!maker) return false;
  return (
    maker.opType === 'ReduceSum' || (PASSES_ON.has(maker.opType) && maker.input.some((one) => isCounted(model, one)))
  );
}

/** Whether a token follows on padding in the last places of some row. */
function isPaddedOnLeft({ dims, raw }: InputTensor, last = dims.at(-1)!): boolean {
  const length = dims.at(-1)!;
  return Array.from(raw as ArrayLike<number | bigint>).some(
    (value, i, all) => i % length > length - last && Number(value) !== 0 && Number(all[i - 1]) === 0,
  );
}
