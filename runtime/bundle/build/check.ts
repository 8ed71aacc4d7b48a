import { encodeModel, type ModelProto } from '../../onnx/proto.ts';
import { ort } from '../../ort/ort.ts';
import { BundleError } from '../error.ts';

/** Makes sure that ONNX Runtime accepts a model whose weights are in `folder`. Throws a BundleError with its reason. */
export async function loadable(proto: ModelProto, folder: string): Promise<void> {
  try {
    await ort.examine(encodeModel(proto), { optimization: 'disabled', folder });
  } catch (error) {
    throw new BundleError(
      `ONNX Runtime does not accept the rewritten model: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
}
