import type { OnnxModel } from '../onnx/model.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { POSITION_IDS } from './convention.ts';
import { findWrongId } from './ids.ts';
import { leftPaddingFault } from './left-padding.ts';
import { InputError, type Inputs, matchInputs } from './signature.ts';

/**
 * Checks and converts what a user gave: dtype, number of dimensions, fixed sizes, token ids. What the published
 * convention for language models lets be left out is filled in: attention mask, position ids, an empty key-value cache.
 */
export function prepareInputs(model: OnnxModel, given: Inputs): Map<string, InputTensor> {
  const prepared = matchInputs(model.inputs, given);
  checkIds(model, prepared);
  const fault = leftPaddingFault(model, prepared);
  if (fault !== null) throw new InputError(`The rows cannot be batched: ${fault}.`);
  return prepared;
}

function checkIds(model: OnnxModel, prepared: ReadonlyMap<string, InputTensor>): void {
  const wrong = findWrongId(model, prepared);
  if (!wrong) return;
  const { input, id, at, table, rows } = wrong;
  throw new InputError(
    `The input '${input}' holds ${id} at [${at.join(', ')}], but ${table}, whose rows it selects, has ${rows} rows: they run from 0 to ${rows - 1}. ${input === POSITION_IDS ? `Give a sequence of at most ${rows} tokens.` : "Use the ids of this model's own tokenizer."}`,
  );
}
