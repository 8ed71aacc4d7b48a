import { ATTENTION_MASK, continuedInput, isKeyValue, isPast, pastOf, TOKEN_IDS } from '../inputs/convention.ts';
import { isOfEncoder } from '../onnx/encoder-decoder.ts';
import type { Sizes } from '../shapes/symbolic.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Traceable } from './tracing.ts';

type Dims = readonly (number | null)[];

/** The sizes of the inputs of each step of a generation; null for those that only the run tells. */
export function stepSizes(
  model: Traceable,
  prompt: ReadonlyMap<string, InputTensor> | null,
  cached: boolean,
): (step: number) => Sizes {
  const part = model.afterFirst(cached);
  const whole = model.map.formulas!;
  const after = part.map.formulas!;
  if (!prompt) return (step) => new Map((step === 0 ? whole : after).symbols.map((symbol) => [symbol, null]));
  const given = Object.fromEntries(Array.from(prompt, ([name, { dims }]) => [name, dims]));
  const first = whole.sizes(given);
  const tokens = continuedInput(model.map.model.inputs);
  return (step) => {
    if (step === 0) return first;
    const length = prompt.get(tokens)!.dims[1]! + step;
    const kept = part === model ? {} : dimsKept(model, part.map.model.inputs, first);
    const dims = part.map.model.inputs.flatMap(({ name, window }): [string, Dims][] => {
      const known = given[name] ?? kept[name];
      if (known && window !== undefined) return [[name, known]];
      return known ? [[name, dimsAt(name, known, tokens, length, cached)]] : [];
    });
    return after.sizes(Object.fromEntries(dims));
  };
}

/** The dims of what a first step leaves for the inputs of later ones. */
function dimsKept(
  { map: { model, formulas } }: Traceable,
  inputs: readonly { readonly name: string }[],
  sizes: Sizes,
): Readonly<Record<string, Dims>> {
  const entries = model.outputs.flatMap(({ name }): [string, Dims][] => {
    const input = pastOf(name, inputs);
    const shape = input === null ? null : formulas!.type(name, sizes)?.shape;
    return shape ? [[input!, shape]] : [];
  });
  return Object.fromEntries(entries);
}

/**
 * The dims of an input of a step, from those that it had in the first one.
 * @param tokens the input that the generation goes on
 * @param length how many tokens there are
 */
function dimsAt(name: string, dims: Dims, tokens: string, length: number, cached: boolean): Dims {
  if (isPast(name)) {
    const grows = isKeyValue(name) && cached && !isOfEncoder(name);
    return grows ? dims.map((dim, i) => (i === dims.length - 2 ? length - 1 : dim)) : dims;
  }
  // Beside the tokens of a decoder the other inputs are the encoder's.
  if (dims.length !== 2 || (name !== tokens && tokens !== TOKEN_IDS)) return dims;
  const isWhole = !cached || name === ATTENTION_MASK;
  return [dims[0]!, isWhole ? length : 1];
}
