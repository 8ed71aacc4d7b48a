import type { ExecutionOptions } from '../execution/execution.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { TraceRequest } from '../types/backend.ts';
import type { Course } from '../types/course.ts';

/** A trace whose block is a graph by now: what runs, and what the user gets of it. */
export interface BuiltTrace {
  readonly graph: InterventionGraph;
  /** What goes to a backend beside the graph: how its forwards follow one another, if there are several (else null). */
  readonly sent: { readonly graph: InterventionGraph; readonly course: () => Course | null };
  /** The model's inputs that are given from outside. */
  readonly inputs: Readonly<Record<string, InputTensor>>;
  /** Told the tokens of its generations. */
  readonly onToken?: TraceRequest['onToken'];
  /** Whether the sizes of what it saves are those that the file declares, which may be wrong: ONNX Runtime gives what there is. */
  readonly isDeclared: boolean;
  /** Whether only the run tells what something outside holds. */
  readonly leavesOpen: boolean;
  /** Runs it here. */
  execute(options: ExecutionOptions): Promise<(Tensor | undefined)[]>;
  /** The run has ended: the user's own structure with its tensors in it, and what else the user is to see of it. */
  finish(tensors: readonly (Tensor | undefined)[]): unknown;
  /** It has failed. */
  undo(): void;
}

/** Runs a trace, and gives the user's own structure with the tensors of the run in it. */
export async function finishTrace(
  built: Pick<BuiltTrace, 'finish' | 'undo'>,
  run: () => Promise<readonly (Tensor | undefined)[]>,
): Promise<unknown> {
  const tensors = await run().catch((error: unknown) => {
    built.undo();
    throw error;
  });
  return built.finish(tensors);
}
