import { isPast, TOKEN_IDS } from '../inputs/convention.ts';
import { positionsCountedBy } from '../onnx/counted-positions.ts';
import { DECODER_TOKEN_IDS } from '../onnx/encoder-decoder-names.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { continuesTexts, isEncoder } from './encoders.ts';
import { takesPaddingIntoStates } from './padded-states.ts';

/**
 * Where shorter texts are filled up: of a model that goes on from texts on the left, so that the last token of each stands in
 * the last column, and of an encoder on the right, as transformers does, so that the first stands in the first one.
 * 'none': the model goes on from texts, and counts positions from the first column. 'states': it has states that padding goes into.
 */
export type PaddingSide = 'left' | 'right' | 'none' | 'states';

/** @param config `config.json`, whole */
export function paddingSide(model: OnnxModel, config: Readonly<Record<string, unknown>>): PaddingSide {
  // Texts go to the encoder.
  if (model.inputs.some(({ name }) => name === DECODER_TOKEN_IDS)) return 'right';
  const goesOn = model.inputs.some(({ name }) => isPast(name)) || continuesTexts(config);
  const counted = positionsCountedBy(model, TOKEN_IDS);
  if (goesOn && takesPaddingIntoStates(model)) return 'states';
  if (goesOn) return counted === 'columns' ? 'none' : 'left';
  return counted !== null || isEncoder(config) ? 'right' : 'left';
}

/** Why texts of several lengths cannot be one batch; null if they can. */
export function sideFault(side: PaddingSide): string | null {
  if (side === 'states') return 'the model has states that its attention_mask does not keep padding out of';
  return side === 'none'
    ? 'the model has no position_ids and counts positions from the first column, so padding before a prompt would move it'
    : null;
}
