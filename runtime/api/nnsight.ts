import { readModel } from '../onnx/read.ts';
import { ModelMap } from './locate.ts';
import { type LoadOptions, Model } from './model.ts';

/** Opens ONNX models. */
export const NNsight = {
  /**
   * Reads a model's graph (its weights stay in the file) and finds its modules.
   * Throws a `ModelError` on a file that is not an ONNX model, a `DeviceError` on a device that does not work here.
   */
  async load(path: string, options: LoadOptions = {}): Promise<unknown> {
    const model = await Model.open(new ModelMap(await readModel(path)), options);
    return model.asModule();
  },
};
