import { Execution, type ExecutionOptions, hasGradients } from '../execution/execution.ts';
import type { Staging } from '../execution/staging.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { AnyParameter } from '../tensor/parameter.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { fillGradients } from './filled-gradients.ts';
import type { BuiltTrace } from './finish-trace.ts';
import { filledForm, type ReturnedForm } from './returned-form.ts';
import type { RunnableModel } from './runnable-model.ts';

/** What a trace gives: what the block returned, and the gradients of parameters behind what is saved. */
interface RepeatedForm {
  readonly returned: ReturnedForm;
  /** How the graph is taken apart, where it does not run in one go. */
  readonly staging: Staging;
  readonly trained: readonly AnyParameter[];
}

/** A trace whose block was recorded before, on other inputs and with other tensors. */
export class RepeatedTrace implements BuiltTrace {
  readonly isDeclared = false;
  readonly leavesOpen = false;
  readonly graph: InterventionGraph;
  private readonly given: ReadonlyMap<string, InputTensor>;
  private readonly model: RunnableModel;
  private readonly form: RepeatedForm;

  constructor(
    graph: InterventionGraph,
    form: RepeatedForm,
    inputs: ReadonlyMap<string, InputTensor>,
    model: RunnableModel,
  ) {
    this.graph = graph;
    this.form = form;
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
    const { graph, given, model } = this;
    const forward = { engine: model.engine, owner: 0, inputs: given };
    const execution = new Execution(graph, [forward], new Map(), options, this.form.staging);
    return hasGradients(graph) ? execution.saved() : execution.single();
  }

  finish(tensors: readonly (Tensor | undefined)[]): unknown {
    const { returned, trained } = this.form;
    fillGradients(trained, tensors.slice(tensors.length - trained.length));
    return filledForm(returned, tensors);
  }

  /** It leaves nothing outside. */
  undo(): void {}
}
