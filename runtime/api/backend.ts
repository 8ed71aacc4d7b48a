import type { Tensor } from '../tensor/tensor.ts';
import type { Backend, ModelSource, TraceRequest } from '../types/backend.ts';

/**
 * What a backend learns of the model. A class, since V8 keeps the function of an accessor in an object literal, and with
 * it the whole trace that it was made for, until its next full garbage collection.
 */
export class ModelIdentity implements ModelSource {
  readonly #model: ModelSource;

  constructor(model: ModelSource) {
    this.#model = model;
  }

  get path(): string {
    return this.#model.path;
  }

  /** Working it out reads all weights. */
  get hash(): string {
    return this.#model.hash;
  }
}

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
