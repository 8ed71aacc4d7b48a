import { encodeModel, type ModelProto } from '../../onnx/proto.ts';
import { ort } from '../../ort/ort.ts';
import type { OutputType } from '../../ort/port.ts';
import { BundleError } from '../error.ts';

/** Makes sure that ONNX Runtime accepts a model whose weights are in `folder`. Throws a BundleError with its reason. Returns its outputs. */
export async function loadable(proto: ModelProto, folder: string): Promise<readonly OutputType[]> {
  try {
    return await ort.examine(encodeModel(proto), { optimization: 'disabled', folder });
  } catch (error) {
    throw new BundleError(
      `ONNX Runtime does not accept the rewritten model: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
}
