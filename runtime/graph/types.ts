/** Element types of tensors, by their ONNX names (PyTorch's `int64` is `int64`, its `float` is `float32`). */
export const DTYPES = [
  'float16',
  'float32',
  'float64',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
] as const;
export type DType = (typeof DTYPES)[number];

/** One dimension: its size, or null where only the run will tell (a boolean mask, a loop that grows a tensor). */
export type Dim = number | null;
/** All dimensions, or null where not even their number is known before the run. */
export type Shape = readonly Dim[] | null;

/** What is known of a tensor before it exists. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
  /**
   * The elements, where the tensor is a small integer operand (an index, a slice bound, a shape) given for this run.
   * It serves checks and shapes while the graph is built; it is no part of what is compiled.
   */
  readonly constant?: readonly number[];
}

/** A place in the user's source: what every error points at. Lines and columns count from 1. */
export interface Site {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What a node knows besides its inputs: plain JSON, part of the structural hash. */
export type Attribute = null | boolean | number | string | readonly Attribute[] | { readonly [key: string]: Attribute };
export type Attributes = { readonly [name: string]: Attribute };

/** A tensor in the graph: output number `index` of `node`, or a parameter of a region (`node` is null). */
export interface Value {
  readonly id: number;
  readonly type: TensorType;
  readonly node: Node | null;
  readonly index: number;
}

/** One step of the intervention graph. `regions` are the bodies of `if` (then, else) and `loop` (body). */
export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly regions: readonly Region[];
  readonly outputs: readonly Value[];
  readonly site: Site | null;
}

/** A body: its own parameters, its steps in order, and the values it yields. It may use any value of the regions around it. */
export interface Region {
  readonly parameters: Value[];
  readonly nodes: Node[];
  readonly results: Value[];
}
