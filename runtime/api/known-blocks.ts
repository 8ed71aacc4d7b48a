import { InterventionGraph, type OperandData } from '../graph/graph.ts';
import type { Node, Site } from '../graph/types.ts';
import { giveTheSame } from '../operators/asked-objects.ts';
import { guardsOf } from '../operators/blocks.ts';
import type { AnyParameter } from '../tensor/parameter.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { BlockRecording, type KnownBlock, tensorAt } from './block-recording.ts';
import type { Block } from './blocks.ts';
import { captured, fits, guardsFor } from './captured.ts';
import type { BuiltTrace } from './finish-trace.ts';
import { RepeatedTrace } from './repeated-trace.ts';
import type { RunnableModel } from './runnable-model.ts';

/*
 * A block that stands in a loop is recorded once, and found again by its place and by what it takes from around it
 * (captured.ts), as far as that tells what the recording is.
 */

/** How many recordings are kept of one block; the one used least recently goes first. */
const OF_ONE = 16;

/** How many are kept of one model. */
const OF_ALL = 64;

/** After so many recordings in a row that were not found again, a block is taken for one that is another each time. */
const IN_VAIN = 32;

/** A model whose blocks are recorded. */
interface Repeating extends RunnableModel {
  readonly edits: readonly Block<[]>[];
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
    const values = captured(guards.read);
    if (!values) return null;
    const at = known.blocks.findLastIndex(
      (one) => fits(one.guards, values) && areOfSizes(inputs, one.inputs) && giveTheSame(one.asked),
    );
    if (at < 0) return null;
    const found = known.blocks[at]!;
    if (at < known.blocks.length - 1) known.blocks.push(...known.blocks.splice(at, 1));
    known.vain = 0;
    const trained = found.trained.map((place) => tensorAt(place, values) as AnyParameter);
    return new RepeatedTrace(graphWith(found, values), { ...found, trained }, inputs, model);
  }

  /**
   * Gets ready to record a block: what it takes from around it is looked at before, since it may change that.
   * Null for a block that is recorded each time.
   */
  prepare(block: object, inputs: ReadonlyMap<string, InputTensor>, model: Repeating): BlockRecording | null {
    const guards = guardsOf(block);
    if (!guards || !mayRepeat(model)) return null;
    const known = this.bySite.get(guards.site) ?? { blocks: [], vain: 0 };
    if (known.vain >= IN_VAIN) return null;
    const values = captured(guards.read);
    const kinds = values && guardsFor(values);
    if (!values || !kinds) return null;
    return new BlockRecording(guards, values, kinds, inputs, (made) => {
      known.vain++;
      known.blocks.push(made);
      // The newest stand last.
      this.bySite.delete(guards.site);
      this.bySite.set(guards.site, known);
      this.count++;
      if (known.blocks.length > OF_ONE) this.drop(known);
      for (const one of this.bySite.values()) if (this.count > OF_ALL && one !== known) this.drop(one);
    });
  }

  private drop({ blocks }: Known): void {
    if (blocks.shift()) this.count--;
  }
}

/** Whether what a block is recorded as follows from the block: edits, models that are attached and classes of the user have a say. */
function mayRepeat({ edits, map: { names } }: Repeating): boolean {
  return edits.length === 0 && names.attached.size === 0 && names.extensions.isEmpty;
}

function areOfSizes(inputs: ReadonlyMap<string, InputTensor>, sizes: KnownBlock['inputs']): boolean {
  if (sizes.length !== inputs.size) return false;
  return sizes.every(([name, dtype, dims]) => {
    const input = inputs.get(name);
    if (!input || input.dtype !== dtype || input.dims.length !== dims.length) return false;
    return input.dims.every((dim, i) => dim === dims[i]);
  });
}

/** The graph of a recording, with the tensors of this run. */
function graphWith({ graph, operands }: KnownBlock, values: readonly unknown[]): InterventionGraph {
  const data = operands.map(([node, known]): [Node, OperandData] => {
    if (!('at' in known)) return [node, known];
    const { dims, raw } = tensorAt(known, values);
    return [node, { dims, data: raw }];
  });
  return new InterventionGraph(graph, new Map(data));
}
