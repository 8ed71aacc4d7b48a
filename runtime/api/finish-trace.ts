import type { Tensor } from '../tensor/tensor.ts';
import { printLines } from '../tracing/logs.ts';
import { fillGradients } from './filled-gradients.ts';
import type { Results } from './results.ts';
import type { Tracing } from './tracing.ts';

/** A graph that was built, and the results that are to come back. */
export interface BuiltTrace {
  readonly tracing: Tracing;
  readonly results: Results;
  /** Whether the sizes of what it saves are those that the file declares, which may be wrong: ONNX Runtime gives what there is. */
  readonly isDeclared?: boolean;
}

/**
 * Runs a trace. Gives the user's own structure with the tensors of the run in it, and does what else the user is to see
 * of it.
 */
export async function finishTrace(
  { tracing, results }: BuiltTrace,
  run: () => Promise<readonly (Tensor | undefined)[]>,
): Promise<unknown> {
  const tensors = await run().catch((error: unknown) => {
    results.undo();
    throw error;
  });
  const resolved = results.resolve(tensors, tracing.settled.missing(tensors));
  const { builder, trained } = tracing;
  fillGradients(trained, tensors.slice(builder.graph.saves.length - trained.length));
  printLines(builder);
  return resolved;
}
