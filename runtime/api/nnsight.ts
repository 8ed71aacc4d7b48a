import { readLanguageConfig } from '../language/config.ts';
import { modelPlace } from '../language/model-place.ts';
import { readProcessor } from '../media/processor.ts';
import { laterSite } from '../tracing/caller.ts';
import type { LoadOptions, NNsightLoader, NNsight as NNsightOf } from '../types/model.ts';
import type { Loose } from '../types/module.ts';
import { openedAt } from './at-caller.ts';
import { DecoderInputs } from './decoder-inputs.ts';
import { PlainInputs } from './input-maker.ts';
import { MediaInputs } from './media-inputs.ts';
import { Model } from './model.ts';
import { openModel } from './open-model.ts';
import { checkInputHooks, checkLoad } from './options.ts';

/** Opens ONNX models. */
export const NNsight: NNsightLoader = {
  async load<Tree = Loose>(
    pathOrHubId: string,
    options: LoadOptions = {},
    ...rest: readonly never[]
  ): Promise<NNsightOf<Tree>> {
    checkLoad('NNsight.load', pathOrHubId, options, rest);
    checkInputHooks(options.inputHooks);
    return openedAt(laterSite(), async () => {
      const place = await modelPlace(pathOrHubId, options);
      const processor = readProcessor(place.folder);
      const loaded = await openModel(place, options, undefined, (model, isEncoderDecoder) => {
        const plain = new PlainInputs(model);
        const usual = processor ? new MediaInputs(model, plain, processor) : plain;
        return isEncoderDecoder
          ? new DecoderInputs(usual, readLanguageConfig(place.folder).decoderStartTokenId)
          : usual;
      });
      return new Model(loaded, options.inputHooks?.methods).whole as NNsightOf<Tree>;
    });
  },
};
