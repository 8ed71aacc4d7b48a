import { InferenceSession } from 'onnxruntime-node';
import { encodeModel, type ModelProto } from '../../onnx/proto.ts';
import { BundleError } from '../error.ts';

/** Makes sure that ONNX Runtime takes a model whose weights stand in `folder`. Throws a BundleError with its reason. */
export async function loadable(proto: ModelProto, folder: string): Promise<void> {
  try {
    const session = await InferenceSession.create(encodeModel(proto), {
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
      intraOpNumThreads: 1,
      extra: { session: { model_external_initializers_file_folder_path: folder, disable_prepacking: '1' } },
    });
    await session.release();
  } catch (error) {
    throw new BundleError(
      `ONNX Runtime does not take the rewritten model: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
}
