import type { ExecutionOptions } from '../execution/execution.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { type InputTensor, StringTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import { printKnownLines, printLines } from '../tracing/logs.ts';
import type { TraceRequest } from '../types/backend.ts';
import { fillGradients } from './filled-gradients.ts';
import type { BuiltTrace } from './finish-trace.ts';
import type { Results } from './results.ts';
import type { Tracing } from './tracing.ts';

/** A trace whose block was just recorded. */
export class RecordedTrace implements BuiltTrace {
  readonly tracing: Tracing;
  readonly results: Results;
  readonly isDeclared: boolean;
  /** Called when it has ended well. */
  whenDone: (() => void) | null = null;

  constructor(tracing: Tracing, results: Results, isDeclared = false) {
    this.tracing = tracing;
    this.results = results;
    this.isDeclared = isDeclared;
  }

  get graph(): InterventionGraph {
    return this.tracing.graph;
  }

  get sent(): BuiltTrace['sent'] {
    return this.tracing.sent();
  }

  get inputs(): Readonly<Record<string, InputTensor>> {
    const inputs = [...(this.tracing.forwards.runs[0]?.inputs ?? [])];
    const isGiven = (value: unknown) => value instanceof Tensor || value instanceof StringTensor;
    return Object.fromEntries(inputs.filter(([, value]) => isGiven(value)));
  }

  get onToken(): TraceRequest['onToken'] {
    return this.tracing.onToken;
  }

  get leavesOpen(): boolean {
    return this.results.leavesOpen;
  }

  execute(options: ExecutionOptions): Promise<(Tensor | undefined)[]> {
    return this.tracing.run.execute(options);
  }

  finish(tensors: readonly (Tensor | undefined)[]): unknown {
    const { builder, trained, settled } = this.tracing;
    const resolved = this.results.resolve(tensors, settled.missing(tensors));
    const parameters = trained.map(({ parameter }) => parameter);
    fillGradients(parameters, tensors.slice(builder.graph.saves.length - trained.length));
    printLines(builder);
    this.whenDone?.();
    return resolved;
  }

  undo(): void {
    this.results.undo();
    printKnownLines(this.tracing.builder);
  }
}
