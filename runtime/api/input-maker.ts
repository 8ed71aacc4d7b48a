import { TraceError } from '../errors.ts';
import { joinRows } from '../inputs/rows.ts';
import { InputError, type Inputs } from '../inputs/signature.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { Tensor, type TensorData } from '../tensor/tensor.ts';
import { callerSite } from '../tracing/caller.ts';
import type { InputHooks } from '../types/input-hooks.ts';

/** Makes a model's inputs from the values that a user gives: the same for one trace and for invokes. */
export interface InputMaker {
  /** What takes time before inputs can be prepared: reading the files that they name. Null where there is nothing to wait for. */
  read?(inputs: unknown): Promise<Inputs> | null;
  /** The inputs by the names that the model gives them. */
  prepare(inputs: unknown): Inputs;
  /** Several inputs as one batch: the rows of all, in order. */
  batch(list: readonly Inputs[]): Inputs;
}

/** Inputs by name, or the data of the first input. */
export class PlainInputs implements InputMaker {
  readonly #model: OnnxModel;

  constructor(model: OnnxModel) {
    this.#model = model;
  }

  prepare(inputs: unknown): Inputs {
    const first = this.#model.inputs[0];
    const isText = typeof inputs === 'string';
    if (first && (isData(inputs) || (isText && first.element === 'string'))) return { [first.name]: inputs };
    if (isText) {
      throw new TraceError('A text needs a tokenizer: load the model with LanguageModel.load(folder).', callerSite());
    }
    if (Object(inputs) !== inputs) {
      const names = this.#model.inputs.map(({ name }) => name).join(', ');
      throw new InputError(`The inputs are ${String(inputs)}: give data, or an object of data by the names ${names}.`);
    }
    // Other mistakes are found when the inputs are matched with the model's.
    return inputs as Inputs;
  }

  batch(list: readonly Inputs[]): Inputs {
    return joinRows(list);
  }
}

/** The usual way to make inputs, except for the user's own hooks. */
export function withHooks(usual: InputMaker, { prepareInputs, batch }: InputHooks = {}): InputMaker {
  return {
    read: (inputs) => (prepareInputs ? null : (usual.read?.(inputs) ?? null)),
    prepare: (inputs) => (prepareInputs ? prepareInputs(inputs) : usual.prepare(inputs)),
    batch: (list) => (batch ? batch(list) : usual.batch(list)),
  };
}

function isData(inputs: unknown): inputs is TensorData {
  return Array.isArray(inputs) || ArrayBuffer.isView(inputs) || inputs instanceof Tensor;
}
