import type { Tensor } from '../tensor/tensor.ts';
import type { Backend, TraceRequest } from '../types/backend.ts';

/** Runs the trace in this process. */
export class ExecutionBackend implements Backend {
  run(request: TraceRequest): Promise<(Tensor | undefined)[]> {
    return request.execute();
  }
}

/** Checks the trace and runs nothing: saved values stay undefined. */
export class NoopBackend implements Backend {
  async run(request: TraceRequest): Promise<undefined[]> {
    return request.graph.saves.map(() => undefined);
  }
}
