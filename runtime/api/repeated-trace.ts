import type { ExecutionOptions } from '../execution/execution.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { BuiltTrace } from './finish-trace.ts';
import { filledForm, type ReturnedForm } from './returned-form.ts';
import type { RunnableModel } from './runnable-model.ts';

/** A trace whose block was recorded before, on other inputs and with other tensors. */
export class RepeatedTrace implements BuiltTrace {
  readonly isDeclared = false;
  readonly leavesOpen = false;
  readonly graph: InterventionGraph;
  private readonly given: ReadonlyMap<string, InputTensor>;
  private readonly model: RunnableModel;
  private readonly returned: ReturnedForm;

  constructor(
    graph: InterventionGraph,
    returned: ReturnedForm,
    inputs: ReadonlyMap<string, InputTensor>,
    model: RunnableModel,
  ) {
    this.graph = graph;
    this.returned = returned;
    this.given = inputs;
    this.model = model;
  }

  get sent(): BuiltTrace['sent'] {
    return { graph: this.graph, course: () => null };
  }

  get inputs(): Readonly<Record<string, InputTensor>> {
    return Object.fromEntries(this.given);
  }

  async execute(options: ExecutionOptions): Promise<(Tensor | undefined)[]> {
    const { engine } = this.model;
    return engine.forms.for(this.graph, this.given).run(this.graph, this.given, options);
  }

  finish(tensors: readonly (Tensor | undefined)[]): unknown {
    return filledForm(this.returned, tensors);
  }

  /** It leaves nothing outside. */
  undo(): void {}
}
