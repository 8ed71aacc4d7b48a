import { Staging } from '../execution/staging.ts';
import { InterventionGraph, type OperandData } from '../graph/graph.ts';
import type { Node } from '../graph/types.ts';
import { type Asked, askedByItself } from '../operators/asked-objects.ts';
import type { BlockGuards } from '../operators/blocks.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { TensorWatch } from '../tracing/watched-tensors.ts';
import { captured, fits, type Guard } from './captured.ts';
import type { RecordedTrace } from './recorded-trace.ts';
import type { ReturnedForm } from './returned-form.ts';

/** How many elements the data may have that the code itself says: they are held as long as the recording. */
const MOST_ELEMENTS = 65_536;

/** A tensor among what a block takes from around it, or a part of one. */
export interface TensorPlace {
  readonly at: number;
  /** The indices by which the part was taken, one after another. */
  readonly indices: readonly string[];
}

export function tensorAt({ at, indices }: TensorPlace, values: readonly unknown[]): Tensor {
  return indices.reduce((tensor, index) => Reflect.get(tensor, index) as Tensor, values[at] as Tensor);
}

/** What a block was recorded as, and what it holds for. */
export interface KnownBlock {
  readonly guards: readonly Guard[];
  readonly inputs: readonly (readonly [name: string, dtype: string, dims: readonly number[]])[];
  /** Without its operands. */
  readonly graph: InterventionGraph;
  /** In their order: data that the code itself says, or where the tensor is that the block takes from around it. */
  readonly operands: readonly (readonly [node: Node, data: OperandData | TensorPlace])[];
  readonly returned: ReturnedForm;
  /** How the graph is taken apart, where it does not run in one go. */
  readonly staging: Staging;
  /** Where the parameters are whose gradients come back behind what is saved. */
  readonly trained: readonly TensorPlace[];
  /** What the block, or JavaScript in it, has asked objects of the language for. */
  readonly asked: readonly Asked[];
}

/** A block that is being recorded, to be found again if nothing but its guards tells what becomes of it. */
export class BlockRecording implements TensorWatch {
  /** The arrays and objects of the program that it may ask, since the guards tell all of them. */
  readonly holders: ReadonlySet<object>;
  private readonly guards: readonly Guard[];
  private readonly inputs: ReadonlyMap<string, InputTensor>;
  private readonly keep: (known: KnownBlock) => void;
  private readonly places = new Map<object, TensorPlace>();
  private readonly block: BlockGuards;
  private dependsOnMore = false;

  /** @param values what the block takes from around it, to which the guards belong */
  constructor(
    block: BlockGuards,
    values: readonly unknown[],
    guards: readonly Guard[],
    inputs: ReadonlyMap<string, InputTensor>,
    keep: (known: KnownBlock) => void,
  ) {
    this.block = block;
    this.guards = guards;
    this.inputs = inputs;
    this.keep = keep;
    this.holders = new Set(values.filter((_, i) => guards[i]!.kind === 'holder') as object[]);
    for (const [at, guard] of guards.entries()) {
      if (guard.kind === 'tensor' && guard.first === at) this.places.set(values[at] as object, { at, indices: [] });
    }
  }

  read(tensor: object): void {
    if (this.places.has(tensor)) this.dependsOnMore = true;
  }

  sliced(tensor: object, index: string, part: object): void {
    const place = this.places.get(tensor);
    // A part of a parameter is one of the trace.
    if (place && !(part instanceof TensorProxy))
      this.places.set(part, { at: place.at, indices: [...place.indices, index] });
  }

  /** The block was recorded. It may have changed what it takes from around it. */
  recorded(): void {
    const values = captured(this.block.read);
    if (!values || !fits(this.guards, values)) this.dependsOnMore = true;
  }

  /** It has run well. */
  done({ tracing, results, graph }: RecordedTrace): void {
    if (this.dependsOnMore || !tracing.isRepeatable) return;
    const returned = results.form(this.holders);
    const operands = this.operandsOf(graph);
    const trained = tracing.trained.flatMap(({ parameter }) => this.places.get(parameter) ?? []);
    if (!returned || !operands || trained.length < tracing.trained.length) return;
    const inputs = Array.from(this.inputs, ([name, { dtype, dims }]) => [name, dtype, [...dims]] as const);
    const asked = [...tracing.builder.asked, ...askedByItself()];
    this.keep({
      guards: this.guards,
      inputs,
      graph: new InterventionGraph(graph),
      operands,
      returned,
      staging: new Staging(),
      trained,
      asked,
    });
  }

  /** Null where it cannot be told which tensor one is, or where they are too large to be kept. */
  private operandsOf(graph: InterventionGraph): KnownBlock['operands'] | null {
    const byData = new Map(Array.from(this.places, ([tensor, place]) => [(tensor as Tensor).raw as unknown, place]));
    if (byData.size < this.places.size) return null;
    const operands = Array.from(graph.operands, ([node, data]) => [node, byData.get(data.data) ?? data] as const);
    const own = operands.reduce((sum, [, known]) => sum + ('data' in known ? known.data.length : 0), 0);
    return own <= MOST_ELEMENTS ? operands : null;
  }
}
