import { hasGradients } from '../execution/execution.ts';
import { InterventionGraph, type OperandData } from '../graph/graph.ts';
import type { Node, Site } from '../graph/types.ts';
import { type BlockGuards, guardsOf } from '../operators/blocks.ts';
import { Parameter } from '../tensor/parameter.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import { isOurs } from '../tracing/harmless.ts';
import { isModule } from '../tracing/model.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { Block } from './blocks.ts';
import type { BuiltTrace } from './finish-trace.ts';
import type { RecordedTrace } from './recorded-trace.ts';
import { RepeatedTrace } from './repeated-trace.ts';
import type { ReturnedForm } from './returned-form.ts';
import type { RunnableModel } from './runnable-model.ts';

/*
 * A block that stands in a loop is recorded once, and found again by its place and its guards: what it takes from around it,
 * as far as that tells what the recording is. Tensors are data of the run: of them it only matters which type they have,
 * and which of them are the same one.
 */

/** How many recordings are kept of one block; the one used least recently goes first. */
const OF_ONE = 16;

/** How many are kept of one model. */
const OF_ALL = 64;

/** After so many recordings in a row that were not found again, a block is taken for one that is another each time. */
const IN_VAIN = 32;

/** How many elements the data may have that the code itself says: they are held as long as the recording. */
const MOST_ELEMENTS = 65_536;

/** A model whose blocks are recorded. */
interface Repeating extends RunnableModel {
  readonly edits: readonly Block<[]>[];
}

/** What a block takes from around it where it is a tensor. */
interface TensorGuard {
  readonly dtype: string;
  readonly dims: readonly number[];
  /** The position of the first of the values that is the same tensor. */
  readonly first: number;
}

/** What stands for a value that a block takes from around it. */
type Guard = { readonly value: unknown } | { readonly tensor: TensorGuard };

/** A graph that was recorded, and what it holds for. */
interface KnownBlock {
  readonly guards: readonly Guard[];
  readonly inputs: readonly (readonly [name: string, dtype: string, dims: readonly number[]])[];
  /** Without its operands. */
  readonly graph: InterventionGraph;
  /** In their order: data that the code itself says, or the position of the tensor that the block takes from around it. */
  readonly operands: readonly (readonly [node: Node, data: OperandData | number])[];
  readonly returned: ReturnedForm;
}

/** The recordings of a block. */
interface Known {
  /** Those that were used last stand last. */
  readonly blocks: KnownBlock[];
  /** How many were made since one was found again. */
  vain: number;
}

/** The blocks that were recorded for a model, where they may be found again. */
export class KnownBlocks {
  private readonly bySite = new Map<Site, Known>();
  private count = 0;

  /** A trace of a block on some inputs that was recorded before; null if none is known. */
  find(block: object, inputs: ReadonlyMap<string, InputTensor>, model: Repeating): BuiltTrace | null {
    const guards = guardsOf(block);
    const known = guards && this.bySite.get(guards.site);
    if (!known || known.blocks.length === 0 || !mayRepeat(model)) return null;
    const values = read(guards);
    if (!values) return null;
    const at = known.blocks.findLastIndex((one) => fits(one, values, inputs));
    if (at < 0) return null;
    const found = known.blocks[at]!;
    if (at < known.blocks.length - 1) known.blocks.push(...known.blocks.splice(at, 1));
    known.vain = 0;
    return new RepeatedTrace(graphWith(found, values), found.returned, inputs, model);
  }

  /**
   * Gets ready to keep what a block is recorded as: its guards are read before, since it may change what they read.
   * Gives what keeps it; null for a block that is recorded each time.
   */
  keeper(
    block: object,
    inputs: ReadonlyMap<string, InputTensor>,
    model: Repeating,
  ): ((built: RecordedTrace) => void) | null {
    const guards = guardsOf(block);
    if (!guards || !mayRepeat(model)) return null;
    const known = this.bySite.get(guards.site) ?? { blocks: [], vain: 0 };
    if (known.vain >= IN_VAIN) return null;
    const values = read(guards);
    const kinds = values && kindsOf(values, guards.operands);
    if (!values || !kinds) return null;
    return (built) => {
      const made = knownBlock(built, kinds, values, inputs);
      if (!made) return;
      known.vain++;
      known.blocks.push(made);
      // The newest stand last.
      this.bySite.delete(guards.site);
      this.bySite.set(guards.site, known);
      this.count++;
      if (known.blocks.length > OF_ONE) this.drop(known);
      for (const one of this.bySite.values()) if (this.count > OF_ALL && one !== known) this.drop(one);
    };
  }

  private drop({ blocks }: Known): void {
    if (blocks.shift()) this.count--;
  }
}

/** Whether what a block is recorded as follows from the block: edits, models that are attached and classes of the user have a say. */
function mayRepeat({ edits, map: { names } }: Repeating): boolean {
  return edits.length === 0 && names.attached.size === 0 && names.extensions.isEmpty;
}

/** Null where a name has no value yet. */
function read({ read }: BlockGuards): readonly unknown[] | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Null if one of the values is more than a number or text, a module, a function of this library, or a tensor that is an operand. */
function kindsOf(values: readonly unknown[], operands: number): readonly Guard[] | null {
  const guards: Guard[] = [];
  for (const [i, value] of values.entries()) {
    const isPlain = Object(value) !== value || value === Math || isModule(value);
    if (isPlain || isOurs(value as object)) guards.push({ value });
    else if (i < operands && isData(value)) {
      const { dtype, dims } = value;
      guards.push({ tensor: { dtype, dims, first: values.indexOf(value) } });
    } else return null;
  }
  return guards;
}

/** Whether a value is a tensor whose elements the graph does not depend on: whole numbers may be sizes and positions. */
function isData(value: unknown): value is Tensor {
  const isTensor = value instanceof Tensor && !(value instanceof TensorProxy) && !(value instanceof Parameter);
  return isTensor && value.dtype.startsWith('float');
}

function fits(
  { guards, inputs: sizes }: KnownBlock,
  values: readonly unknown[],
  inputs: ReadonlyMap<string, InputTensor>,
): boolean {
  const isSame = (guard: Guard, i: number) => {
    const value = values[i];
    if ('value' in guard) return Object.is(guard.value, value);
    const { dtype, dims, first } = guard.tensor;
    return isData(value) && value.dtype === dtype && isSameList(value.dims, dims) && values.indexOf(value) === first;
  };
  if (!guards.every(isSame) || sizes.length !== inputs.size) return false;
  return sizes.every(([name, dtype, dims]) => {
    const input = inputs.get(name);
    return input !== undefined && input.dtype === dtype && isSameList(input.dims, dims);
  });
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}

/** The graph of a recording, with the tensors of this run. */
function graphWith({ graph, operands }: KnownBlock, values: readonly unknown[]): InterventionGraph {
  const data = operands.map(([node, known]): [Node, OperandData] => {
    if (typeof known !== 'number') return [node, known];
    const { dims, raw } = values[known] as Tensor;
    return [node, { dims, data: raw }];
  });
  return new InterventionGraph(graph, new Map(data));
}

/** Null for what was recorded of code that asked for more than its guards tell. */
function knownBlock(
  { tracing, results, graph }: RecordedTrace,
  guards: readonly Guard[],
  values: readonly unknown[],
  inputs: ReadonlyMap<string, InputTensor>,
): KnownBlock | null {
  if (!tracing.isRepeatable || hasGradients(graph)) return null;
  const returned = results.form();
  const tensors = values.flatMap((value, i) =>
    'tensor' in guards[i]! && guards[i].tensor.first === i ? [{ value: value as Tensor, i }] : [],
  );
  if (new Set(tensors.map(({ value }) => value.raw)).size < tensors.length) return null;
  const operands = Array.from(graph.operands, ([node, data]): [Node, OperandData | number] => {
    const tensor = tensors.find(({ value }) => value.raw === data.data);
    return [node, tensor ? tensor.i : data];
  });
  const used = new Set(operands.map(([, data]) => data));
  const elements = operands.reduce((sum, [, data]) => sum + (typeof data === 'number' ? 0 : data.data.length), 0);
  if (elements > MOST_ELEMENTS) return null;
  if (!returned || !tensors.every(({ i }) => used.has(i))) return null;
  return {
    guards,
    inputs: Array.from(inputs, ([name, { dtype, dims }]) => [name, dtype, dims] as const),
    graph: new InterventionGraph(graph),
    operands,
    returned,
  };
}
