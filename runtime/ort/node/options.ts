import type { InferenceSession } from 'onnxruntime-node';
import type { SessionConfig } from '../port.ts';
import { forWebGpu, type Provider } from '../webgpu-limits.ts';

/** The bytes of weights of a model whose runs gain less by a second thread than its waking takes from others. */
const SMALL = 2 ** 23;

let areSharing = false;

/**
 * From now on sessions leave the cores to other processes where they can: their threads sleep while they wait for work within
 * a run, too, as what they wait for does not get the core that they take; and small models run in one thread.
 */
export function shareCores(): void {
  areSharing = true;
}

/** A model as onnxruntime-node gets it, as plain data. */
export interface Compilation {
  readonly model: Uint8Array;
  readonly options: InferenceSession.SessionOptions;
}

export function compilation(model: Uint8Array, config: SessionConfig): Compilation {
  if (config.device !== 'webgpu') return { model, options: sessionOptions(config, config.device, []) };
  const { bytes, provider, without } = forWebGpu(model);
  return { model: bytes, options: sessionOptions(config, provider, without) };
}

function sessionOptions(
  { folder, modelBytes, alone = false, prepack = true, simplify = true, arena = prepack }: SessionConfig,
  provider: Provider,
  without: readonly string[],
): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    graphOptimizationLevel: simplify ? 'all' : 'disabled',
    logSeverityLevel: 4,
    ...(areSharing && modelBytes !== undefined && modelBytes <= SMALL && { intraOpNumThreads: 1 }),
    // What is to take little memory does not hold on to that of its last run either.
    ...(!arena && { enableCpuMemArena: false, enableMemPattern: false }),
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        ...(!prepack && { disable_prepacking: '1' }),
        // Every session has its own threads: after a run they must not keep the cores from the next session.
        force_spinning_stop: alone ? '0' : '1',
        ...(areSharing && { intra_op: { allow_spinning: '0' } }),
      },
      ...(without.length > 0 && { optimization: { disable_specified_optimizers: without.join(';') } }),
    },
  };
}
