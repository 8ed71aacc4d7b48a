import { join } from 'node:path';
import { packagedModel } from '../language/packaged-models.ts';
import { readModel } from '../onnx/read.ts';
import { ort } from '../ort/ort.ts';
import type { LoadOptions, NNsightLoader, NNsight as NNsightOf } from '../types/model.ts';
import type { Loose } from '../types/module.ts';
import { PlainInputs, withHooks } from './input-maker.ts';
import { engineChoice, LoadedModel } from './loaded-model.ts';
import { ModelMap } from './locate.ts';
import { Model } from './model.ts';
import { checkInputHooks, checkOptions, LOAD_OPTIONS } from './options.ts';

/** Opens ONNX models. */
export const NNsight: NNsightLoader = {
  async load<Tree = Loose>(path: string, options: LoadOptions = {}): Promise<NNsightOf<Tree>> {
    checkOptions('NNsight.load', options, LOAD_OPTIONS);
    checkInputHooks(options.inputHooks);
    const { rename, envoys, inputHooks } = options;
    const choice = engineChoice(options);
    const packaged = packagedModel(path);
    const model = await readModel(packaged === null ? path : join(packaged, 'model.onnx'));
    const map = new ModelMap(model, { rename, envoys, methods: Object.keys(inputHooks?.methods ?? {}) });
    const device = await ort.chooseDevice(options.device ?? 'auto');
    const loaded = new LoadedModel(map, withHooks(new PlainInputs(model), inputHooks), { ...choice, device });
    return new Model(loaded, inputHooks?.methods).whole as NNsightOf<Tree>;
  },
};
