import './environment.ts';
import { InferenceSession } from 'onnxruntime-node';
import { DTYPES } from '../../graph/types.ts';
import type { Ort, OutputType, SessionTensors } from '../port.ts';
import { makeRoom } from './collect.ts';
import { chooseDevice } from './devices.ts';
import { freeTensor } from './free.ts';
import { readable } from './halves.ts';
import { compilation } from './options.ts';
import { createSynchronousSession } from './synchronous.ts';
import { copyTensor, isSameTensor, makeTensor } from './tensors.ts';
import { NodeThread } from './thread.ts';

/** ONNX Runtime in Node: onnxruntime-node. */
export const nodeOrt: Ort = {
  chooseDevice,
  startThread: () => new NodeThread(),
  tensor: makeTensor,
  copy: copyTensor,
  free: freeTensor,
  isSame: isSameTensor,

  async createSession(bytes, config) {
    makeRoom(config.weights ?? 0);
    const { model, options } = compilation(bytes, config);
    const session = await InferenceSession.create(model, options);
    return {
      run: async (feeds, outputs) => (await session.run(readable(feeds), outputs)) as SessionTensors,
      release: () => session.release(),
    };
  },

  createSynchronousSession,

  async examine(model, { optimization, folder, without = [], writeTo }) {
    const session = await InferenceSession.create(model, {
      graphOptimizationLevel: optimization,
      ...(writeTo !== undefined && { optimizedModelFilePath: writeTo }),
      // Only constants are folded: a thread pool would cost more than that.
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
      extra: {
        session: {
          ...(folder !== undefined && { model_external_initializers_file_folder_path: folder }),
          disable_prepacking: '1',
        },
        ...(without.length > 0 && { optimization: { disable_specified_optimizers: without.join(';') } }),
      },
    });
    const outputs = session.outputMetadata.map(outputType);
    await session.release();
    return outputs;
  },
};

function outputType(output: InferenceSession.ValueMetadata): OutputType {
  if (!output.isTensor) return { name: output.name, dtype: null, shape: null, symbols: null };
  return {
    name: output.name,
    dtype: DTYPES.find((dtype) => dtype === output.type) ?? null,
    shape: output.shape.map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : null)),
    symbols: output.shape.map((dim) => (typeof dim === 'string' && dim !== '' ? dim : null)),
  };
}
