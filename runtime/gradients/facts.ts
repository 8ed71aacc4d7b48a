import type { DType } from '../graph/types.ts';
import { dtypeName } from '../onnx/dtypes.ts';
import { nodeTypes } from '../onnx/element-types.ts';
import type { GraphProto, NodeProto, TensorProto } from '../onnx/proto.ts';
import { smallNumbers } from '../onnx/small-numbers.ts';
import { inferDims } from './sizes/index.ts';
import { inferValue } from './sizes/values.ts';

/** A size: a number, or a name that equal sizes share. */
export type Dim = number | string;

/** The sizes of a tensor; null where not even their number is known. */
export type Dims = readonly Dim[] | null;

/** A dimension of a tensor. */
export interface Source {
  readonly tensor: string;
  readonly axis: number;
}

/** The facts about the tensors of a graph while its derivative is written: element types, sizes, small constants. */
export class Facts {
  readonly types: Map<string, number>;
  private readonly sizes: Map<string, Dims>;
  private readonly values: Map<string, readonly Dim[]>;
  private readonly weights: Map<string, TensorProto>;
  private readonly sources: Map<string, Source>;
  private readonly symbols: { count: number };

  /** @param outer the facts of the graph around a subgraph */
  constructor(outer: Facts | null = null) {
    this.types = new Map(outer?.types);
    this.sizes = new Map(outer?.sizes);
    this.values = new Map(outer?.values);
    this.weights = new Map(outer?.weights);
    this.sources = new Map(outer?.sources);
    this.symbols = outer?.symbols ?? { count: 0 };
  }

  /** Facts of a subgraph, which knows all that is known here. */
  inner(): Facts {
    return new Facts(this);
  }

  /** The ONNX element type, 0 where it is not known. */
  type(tensor: string): number {
    return this.types.get(tensor) ?? 0;
  }

  /** Null for a type without a name here. */
  dtype(tensor: string): DType | null {
    return dtypeName(this.type(tensor));
  }

  dims(tensor: string): Dims {
    return this.sizes.get(tensor) ?? null;
  }

  /** Null for a tensor that is not a weight of the model. */
  weight(tensor: string): TensorProto | null {
    return this.weights.get(tensor) ?? null;
  }

  /** The elements of a small tensor of one dimension or none that is a constant, or made of sizes; null for others. */
  value(tensor: string): readonly Dim[] | null {
    return this.values.get(tensor) ?? null;
  }

  /** The same where all of them are numbers. */
  numbers(tensor: string): readonly number[] | null {
    const value = this.value(tensor);
    return value?.every((one) => typeof one === 'number') ? (value as readonly number[]) : null;
  }

  set(tensor: string, type: number, dims: Dims, value: readonly Dim[] | null = null): void {
    if (type !== 0) this.types.set(tensor, type);
    this.setDims(tensor, dims);
    if (value) this.values.set(tensor, value);
  }

  /** Takes in an input of the graph: the data that is fed shows which sizes it has in common with others. */
  setInput(tensor: string, type: number, dims: Dims): void {
    this.set(tensor, type, dims);
    dims?.forEach((dim, axis) => {
      if (typeof dim === 'string' && !this.sources.has(dim)) this.sources.set(dim, { tensor, axis });
    });
  }

  /** An input that has a size; undefined where none has. */
  source(size: Dim): Source | undefined {
    return this.sources.get(size as string);
  }

  setDims(tensor: string, dims: Dims): void {
    if (dims) this.sizes.set(tensor, dims);
  }

  /** A name for a size that nothing is known of. */
  symbol(): Dim {
    return `?${this.symbols.count++}`;
  }

  /** Infers facts about the tensors of a graph from those about its inputs. */
  learnGraph({ initializer, node }: GraphProto): void {
    for (const tensor of initializer) {
      const dims = tensor.dims.map(Number);
      this.weights.set(tensor.name, tensor);
      this.set(tensor.name, tensor.dataType, dims, dims.length < 2 ? smallNumbers(tensor) : null);
    }
    for (const one of node) this.learn(one);
  }

  /** Infers facts about the outputs of a node. */
  learn(node: NodeProto): void {
    const types = nodeTypes(node, this.types);
    const dims = inferDims(node, this);
    const value = inferValue(node, this);
    node.output.forEach((tensor, i) => {
      if (tensor === '') return;
      const known = this.sizes.get(tensor) ?? dims[i] ?? null;
      // A list whose elements stand in rows is put together by rows, not end to end.
      const isList = i === 0 && (known === null || known.length < 2);
      this.set(tensor, this.types.get(tensor) ?? types[i] ?? 0, known, isList ? value : null);
    });
  }
}
