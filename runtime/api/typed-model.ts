import { OperationError } from '../graph/operation.ts';
import type { Address } from '../graph/ops.ts';
import type { TensorType } from '../graph/types.ts';
import type { Located } from '../lowering/address.ts';
import { dtypeName, elementTypeName, TEXTS } from '../onnx/dtypes.ts';
import { isInside } from '../onnx/written-out.ts';
import { insideType } from '../shapes/inside-type.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { Batching, Resolved, TracedModel } from '../tracing/model.ts';
import type { ModelMap } from './model-map.ts';

/** The types of a model's tensors in one forward. */
export interface Shapes {
  type(tensor: string): TensorType | undefined;
  batching(tensor: string): Batching;
}

/** A model's map with the shapes of its tensors in one forward. */
export class TypedModel implements TracedModel {
  readonly map: ModelMap;
  private readonly shapes: Shapes;

  constructor(map: ModelMap, shapes: Shapes) {
    this.map = map;
    this.shapes = shapes;
  }

  /** The model of a forward. */
  static of({ model }: TracedForward): TypedModel {
    if (model instanceof TypedModel) return model;
    throw new TypeError('the forward belongs to a model that has no modules');
  }

  /** The map that users hold: this one, unless a part of their model runs here. */
  get held(): ModelMap {
    return this.map;
  }

  /** Whether a module runs in this forward, and the tensor at an address of it is the one that is meant elsewhere. */
  has(_address: Address): boolean {
    return true;
  }

  /** For edits: the earlier forward that a module ran in, if it does not run in this one. */
  ranBefore(_path: string): TracedForward | null {
    return null;
  }

  /** The forward that a parameter is read in. */
  readerOf(_parameter: string, forward: TracedForward): TracedForward {
    return forward;
  }

  /** The address here of what the map that users hold has at an address. Throws an OperationError if it is not here. */
  own(address: Address): Address {
    return address;
  }

  /** All inputs or outputs that users see at an address. */
  tensorsAt(address: Address): readonly string[] {
    return this.locate(address)[address.port === 'input' ? 'inputs' : 'outputs'];
  }

  /** The tensor at an address. Throws an OperationError if there is none. */
  locate(address: Address): Located {
    return this.map.locate(address);
  }

  resolve(address: Address): Resolved {
    const { tensor } = this.locate(address);
    if (isInside(tensor)) {
      const around = this.map.model.graph.node[this.locate(address).nodes[0]!]!;
      const types = {
        type: (name: string) => this.shapes.type(name) ?? this.initializerType(name) ?? undefined,
        batching: (name: string) => this.shapes.batching(name),
      };
      return { tensor, ...insideType(around, tensor, types) };
    }
    const type = this.shapes.type(tensor) ?? this.initializerType(tensor);
    if (!type) throw new OperationError(this.untyped(address, tensor));
    return { tensor, type, batching: this.shapes.batching(tensor) };
  }

  /** Whether a tensor has a type that traces can read. */
  isTyped(tensor: string): boolean {
    return (this.shapes.type(tensor) ?? this.initializerType(tensor)) != null;
  }

  private untyped({ path, port }: Address, tensor: string): string {
    const { model } = this.map;
    const name = path === '' ? `the model's ${port} ${tensor}` : `the tensor at ${path}.${port}`;
    const type = model.elementTypes.get(tensor) ?? model.initializers.get(tensor)?.dataType;
    if (type === undefined || dtypeName(type) !== null)
      return `${name} is no tensor of numbers (a sequence, a map, or of a type that the file does not tell)`;
    if (type === TEXTS)
      return `${name} is a tensor of texts, which can be saved where the model makes it, and nothing else: a graph computes with numbers. Take the tensors before or behind it`;
    return `${name} is ${elementTypeName(type)}, which cannot be read or set: only tensors of numbers and truths that JavaScript knows can. Take the tensors before or behind it`;
  }

  private initializerType(tensor: string): TensorType | null {
    const found = this.map.model.initializers.get(tensor);
    const dtype = found && dtypeName(found.dataType);
    return dtype ? { dtype, shape: found.dims.map(Number) } : null;
  }
}
