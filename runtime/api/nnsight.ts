import { modelPlace } from '../language/model-place.ts';
import { readProcessor } from '../media/processor.ts';
import { readModel } from '../onnx/read.ts';
import { ort } from '../ort/ort.ts';
import type { LoadOptions, NNsightLoader, NNsight as NNsightOf } from '../types/model.ts';
import type { Loose } from '../types/module.ts';
import { PlainInputs, withHooks } from './input-maker.ts';
import { engineChoice, LoadedModel } from './loaded-model.ts';
import { ModelMap } from './locate.ts';
import { MediaInputs } from './media-inputs.ts';
import { Model } from './model.ts';
import { checkInputHooks, checkOptions, LOAD_OPTIONS } from './options.ts';

/** Opens ONNX models. */
export const NNsight: NNsightLoader = {
  async load<Tree = Loose>(pathOrHubId: string, options: LoadOptions = {}): Promise<NNsightOf<Tree>> {
    checkOptions('NNsight.load', options, LOAD_OPTIONS);
    checkInputHooks(options.inputHooks);
    const { rename, envoys, inputHooks } = options;
    const choice = engineChoice(options);
    const { folder, path } = await modelPlace(pathOrHubId, options);
    const model = await readModel(path);
    const processor = readProcessor(folder);
    const plain = new PlainInputs(model);
    const usual = processor ? new MediaInputs(model, plain, processor) : plain;
    const map = new ModelMap(model, { rename, envoys, methods: Object.keys(inputHooks?.methods ?? {}) });
    const device = await ort.chooseDevice(options.device ?? 'auto');
    const loaded = new LoadedModel(map, withHooks(usual, inputHooks), { ...choice, device });
    return new Model(loaded, inputHooks?.methods).whole as NNsightOf<Tree>;
  },
};
