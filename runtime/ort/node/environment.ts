/** What ONNX Runtime must find when it is loaded: import this before it. */
import './realms.ts';
import { isMainThread, threadId } from 'node:worker_threads';

const TELEMETRY = 'ORT_DISABLE_TELEMETRY';

// It reports nothing of what runs here, unless the program wants it to.
if (process.env[TELEMETRY] === undefined) {
  process.env[TELEMETRY] = '1';
  // A worker thread has a copy of the variables, and ONNX Runtime reads those of the process.
  if (!isMainThread) {
    process.emitWarning(
      `ONNX Runtime's telemetry may be on: worker thread ${threadId} loads it, and cannot set ${TELEMETRY}=1 for the process. Set it before, or import onnsight in the main thread.`,
      { code: 'ONNSIGHT_TELEMETRY' },
    );
  }
}
