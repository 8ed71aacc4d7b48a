import { keyOf } from '../graph/key.ts';
import type { TensorType } from '../graph/types.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { type InputDims, inferTypes } from './infer.ts';
import { type SymbolicTypes, symbolicTypes } from './symbolic.ts';

/** For how many sizes of the inputs the types are kept. */
const KEPT = 16;

type Types = ReadonlyMap<string, TensorType>;

/** The types of the tensors of one model, each worked out once. */
export class TensorTypes {
  private readonly model: OnnxModel;
  /** By the sizes of the inputs; those asked for most recently stand last. */
  private readonly known = new Map<string, Promise<Types>>();
  private formulas: Promise<SymbolicTypes> | null = null;

  constructor(model: OnnxModel) {
    this.model = model;
  }

  /** The types when the inputs have the sizes `dims`. Throws a ModelError if these do not fit the model. */
  at(dims: InputDims): Promise<Types> {
    const key = keyOf(...this.model.inputs.map(({ name }) => dims[name]));
    const types = this.known.get(key) ?? inferTypes(this.model, dims);
    this.known.delete(key);
    this.known.set(key, types);
    // A failure is not kept.
    types.catch(() => this.known.delete(key));
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value!);
    return types;
  }

  /** The types as functions of the sizes of the inputs. */
  symbolic(): Promise<SymbolicTypes> {
    this.formulas ??= symbolicTypes(this.model, (dims) => this.at(dims));
    return this.formulas;
  }
}
