import { cacheSizes } from '../language/cache-sizes.ts';
import type { ModelPlace } from '../language/model-place.ts';
import { encoderPath } from '../onnx/encoder-decoder.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { readParts } from '../onnx/read-parts.ts';
import { ort } from '../ort/ort.ts';
import type { LoadOptions } from '../types/model.ts';
import { type InputMaker, withHooks } from './input-maker.ts';
import { engineChoice, LoadedModel } from './loaded-model.ts';
import { ModelMap } from './model-map.ts';
import type { Rename } from './names.ts';

/**
 * Opens the model at a place, encoder and decoder as one.
 * @param members the members that it has: those of every model unless given
 * @param inputsOf the usual way to make its inputs
 */
export async function openModel(
  place: ModelPlace,
  { rename, envoys, inputHooks, ...options }: LoadOptions,
  members: ReadonlySet<string> | undefined,
  inputsOf: (model: OnnxModel, isEncoderDecoder: boolean) => InputMaker,
): Promise<LoadedModel> {
  const choice = engineChoice(options);
  const { model, later } = await readParts(place, cacheSizes(place.folder));
  const methods = Object.keys(inputHooks?.methods ?? {});
  const map = new ModelMap(model, { members, rename: later ? withShortNames(model, rename) : rename, envoys, methods });
  const device = await ort.chooseDevice(options.device ?? 'auto');
  const inputs = withHooks(inputsOf(model, later !== null), inputHooks);
  const steps = later && { whole: new ModelMap(later.whole), cached: later.cached && new ModelMap(later.cached) };
  return new LoadedModel(map, inputs, { ...choice, device }, steps);
}

/** Encoder and decoder also have the names `encoder` and `decoder` where they stand below another module, as in BART. */
function withShortNames(model: OnnxModel, rename: Rename = {}): Rename {
  const encoder = encoderPath(model.graph);
  const around = encoder.slice(0, -'encoder'.length);
  const given = new Set([...Object.keys(rename), ...Object.values(rename).flat()]);
  const parts =
    around === '' ? [] : ['encoder', 'decoder'].filter((name) => !given.has(name) && !given.has(around + name));
  return { ...Object.fromEntries(parts.map((name) => [around + name, name])), ...rename };
}
