import type { Operand, Traced } from './tensor.ts';

/** One operation of the model's graph: the tensors that go in and out, in a traced block. */
export interface OperationEnvoy {
  /** The main output. Assigning replaces it for everything downstream. */
  get output(): Traced;
  set output(value: Operand);
  /** The first input. Assigning replaces it for this module alone. */
  get input(): Traced;
  set input(value: Operand);
  /** All outputs, the main one first. */
  get outputs(): Traced[];
  set outputs(values: readonly Operand[]);
  /** All inputs, the main one first. */
  get inputs(): Traced[];
  set inputs(values: readonly Operand[]);
  /** Dotted, as PyTorch writes it: `transformer.h.0.mlp`; empty for the model itself. */
  readonly path: string;
}

/** One call of a module that runs several times in one forward pass. */
export interface CallEnvoy extends OperationEnvoy {
  /** Leaves the module out: `value` becomes its output. */
  skip(value: Operand): void;
}

/** What every module has. */
export interface EnvoyMembers extends CallEnvoy {
  /** The calls of a module that runs several times in one forward pass. */
  readonly calls: Calls;
  /** Every operation inside the module by its ONNX name and count: `attn.ops.Softmax.output`. */
  readonly ops: Operations;
  /** In a generation: from here on, this module is that of the next step (or some steps further). */
  next(steps?: number): this;
  /** A module, or a parameter, by its dotted path from here. */
  get(path: string): Envoy;
  /** The modules right below, in order. */
  [Symbol.iterator](): IterableIterator<Envoy>;
  /** How many modules a list has. */
  readonly length: number;
  /** Runs the module on other values, in the middle of this forward pass. */
  (...operands: Operand[]): Traced;
}

/** The calls of a module, in the order they run; indices may count from the end. */
export interface Calls extends ReadonlyArray<CallEnvoy> {
  // biome-ignore lint/suspicious/noExplicitAny: with noUncheckedIndexedAccess a call would be "possibly undefined".
  readonly [index: number]: any;
}

/**
 * Modules by number, indices from the end among them, in a tree that `onnsight types` writes: it adds the numbers that
 * there are, each with its module's type. What stands behind a number that only the run tells is not known.
 */
export interface ModuleList extends EnvoyMembers {
  // biome-ignore lint/suspicious/noExplicitAny: with noUncheckedIndexedAccess a module would be "possibly undefined".
  readonly [index: number]: any;
}

export interface Operations {
  // biome-ignore lint/suspicious/noExplicitAny: with noUncheckedIndexedAccess an OperationEnvoy would be "possibly undefined".
  readonly [name: string]: any;
}

/** Operations of which the names are known. */
export type NamedOperations<Names extends string> = { readonly [Name in Names]: OperationEnvoy };

/**
 * Children and parameters by name, of a model whose tree the type checker does not know. An interface, since
 * TypeScript drops the index signature of a type alias that refers to itself.
 */
export interface Loose {
  // biome-ignore lint/suspicious/noExplicitAny: with noUncheckedIndexedAccess a module would be "possibly undefined".
  readonly [name: string]: any;
}

/** A module of a model whose tree the type checker does not know. */
export type Envoy = EnvoyMembers & Loose;
