import './environment.ts';
import type { InferenceSession } from 'onnxruntime-node';
import { binding, initOrt } from 'onnxruntime-node/dist/binding.js';
import type { SessionTensors, SynchronousSession } from '../port.ts';
import { readable } from './halves.ts';

/**
 * A session that runs in the call itself. onnxruntime-node's own sessions do so too, in a later turn of the event loop and
 * behind a promise; what they wrap is not part of its public interface, so that its version is pinned.
 */
export function createSynchronousSession(model: Uint8Array, threads: 1 | 'all'): SynchronousSession {
  initOrt();
  const options: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    logSeverityLevel: 4,
    ...(threads === 1 && { intraOpNumThreads: 1 }),
    extra: { session: { force_spinning_stop: '1' } },
  };
  const session = new binding.InferenceSession();
  session.loadModel(model.buffer as ArrayBuffer, model.byteOffset, model.byteLength, options);
  return {
    run(feeds, outputs) {
      const fetches = Object.fromEntries(outputs.map((name) => [name, null]));
      return session.run(readable(feeds), fetches, {}) as SessionTensors;
    },
    release: () => session.dispose(),
  };
}
