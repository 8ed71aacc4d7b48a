import type { AtIndex } from '../tensor/at-index.ts';
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
  /** A module as the tree of what is in it, as PyTorch prints one; an operation or a call as its place. */
  toString(): string;
}

/** One call of a module that runs several times in one forward pass. */
export interface CallEnvoy extends OperationEnvoy {
  /** Leaves the module out: `value` becomes its output. */
  skip(value: Operand): void;
}

/**
 * All members of a module: any other name is that of a module or a parameter in it. A module or parameter with the name
 * of a member (BERT has modules called `output`) is reached with `get`.
 *
 * A module can be awaited, put into an array or an object and returned from an async function as it is, unless the model
 * has a module called `then` right below it: JavaScript takes that for a promise, and `await` of it is an error that says
 * so. The model itself is never taken for one: a `then` at its top is reached with `get('then')`.
 */
export interface EnvoyMembers extends CallEnvoy {
  /** The calls of a module that runs several times in one forward pass. */
  readonly calls: Calls;
  /** Every operation inside the module by its ONNX name and count: `attn.ops.Softmax.output`. */
  readonly ops: Operations;
  /** In a generation: from here on, this module is that of the next step (or some steps further). */
  next(steps?: number): this;
  /**
   * A module by its dotted path from here (`h.0.mlp`, `h[-1].mlp`), also where a member hides it; else a parameter, or
   * the output or input that the path ends with (`h.0.mlp.output`, in a block); of the model also a node of the file by
   * its name. Of a list it has the methods of arrays. Throws a `ModelError`, or a `TraceError` in a block, that tells what is near.
   */
  get(path: string): Found;
  /** The modules right below, in order. */
  [Symbol.iterator](): IterableIterator<Envoy>;
  /** Runs the module on other values, in the middle of this forward pass. */
  (...operands: Operand[]): Traced;
}

/** The calls of a module, in the order they run; indices may count from the end. */
export interface Calls extends ReadonlyArray<CallEnvoy> {
  readonly [index: number]: AtIndex<CallEnvoy>;
}

/** The methods of JavaScript's arrays that lists of modules have. */
export interface ModuleArray<M>
  extends Pick<
    readonly M[],
    | (
        | 'concat'
        | 'entries'
        | 'every'
        | 'filter'
        | 'find'
        | 'findIndex'
        | 'flatMap'
        | 'forEach'
        | 'includes'
        | 'indexOf'
      )
    | ('keys' | 'map' | 'reduce' | 'slice' | 'some' | 'values')
  > {
  /** A module by its index, which may count from the end. */
  at(index: number): M;
}

/**
 * Modules by number, indices from the end among them, in a tree that `onnsight types` writes: it adds the numbers that
 * there are, each with its module's type.
 */
export interface ModuleList<M = Envoy> extends EnvoyMembers, ModuleArray<M> {
  /** How many modules there are. */
  readonly length: number;
  readonly [index: number]: AtIndex<M>;
}

export interface Operations {
  readonly [name: string]: AtIndex<OperationEnvoy>;
}

/** Operations with known names. */
export type NamedOperations<Names extends string> = { readonly [Name in Names]: OperationEnvoy };

/**
 * Children and parameters by name, of a model whose tree the type checker does not know. An interface, since
 * TypeScript drops the index signature of a type alias that refers to itself.
 */
export interface Loose extends Borrowed {
  // biome-ignore lint/suspicious/noExplicitAny: every module with known names has to fit, and models that are attached by assigning.
  readonly [name: string]: any;
}

/** The members that TypeScript gives to every callable. A module does not have them, but may have modules of these names. */
type Borrowed = {
  readonly [Name in
    | ('apply' | 'arguments' | 'bind' | 'call' | 'caller' | 'length' | 'name' | 'prototype')
    | (
        | 'constructor'
        | 'hasOwnProperty'
        | 'isPrototypeOf'
        | 'propertyIsEnumerable'
        | 'toLocaleString'
        | 'valueOf'
      )]: // biome-ignore lint/suspicious/noExplicitAny: as above.
  any;
};

/** What a path leads to: it has the methods of arrays where it is a list of modules. */
export type Found = Envoy & ModuleArray<Envoy>;

/** A module of a model whose tree the type checker does not know. */
export type Envoy = EnvoyMembers & Loose;
