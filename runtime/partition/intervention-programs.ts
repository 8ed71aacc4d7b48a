import { extract } from '../graph/extract.ts';
import { InterventionGraph } from '../graph/graph.ts';
import { keyOf } from '../graph/key.ts';
import type { Node, Value } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import { type Lowered, lower } from '../lowering/lower.ts';
import { siteNames } from '../lowering/site-names.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { FragmentWriter } from './fragment-writer.ts';
import { isWorthSimplifying } from './many-bodies.ts';
import type { Program } from './plan.ts';

/** How many written interventions are kept; the one used least recently goes first. */
const KEPT = 256;

/** The program that runs some nodes of a graph, and what its inputs and outputs stand for. */
export interface InterventionProgram {
  readonly program: Program;
  readonly feeds: readonly { readonly name: string; readonly source: Value | string }[];
  readonly fetches: readonly { readonly name: string; readonly value: Value }[];
}

/** Writes nodes of intervention graphs as programs. Equal structures share one. */
export class InterventionPrograms {
  private readonly model: OnnxModel;
  private readonly locate: Locate;
  private readonly writer: FragmentWriter;
  private readonly maxIterations: number | undefined;
  private readonly written = new Map<string, { lowered: Lowered; program: Program }>();

  constructor(model: OnnxModel, locate: Locate, writer: FragmentWriter, maxIterations?: number) {
    this.model = model;
    this.locate = locate;
    this.writer = writer;
    this.maxIterations = maxIterations;
  }

  /**
   * @param outputs the values of the nodes that are needed elsewhere
   * @param provided tensors of the model that calls in regions of the nodes read
   */
  of(nodes: readonly Node[], outputs: readonly Value[], provided: readonly string[]): InterventionProgram {
    // Everything from outside is an input, operands too: their data is not a part of the structure.
    const { graph, outer } = extract(new InterventionGraph(), nodes, outputs, new Map([[0, 0]]));
    const key = keyOf('intervention', graph.structuralKey(), provided);
    const { lowered, program } = this.written.get(key) ?? this.write(key, graph, provided);
    this.written.delete(key);
    this.written.set(key, { lowered, program });
    if (this.written.size > KEPT) this.written.delete(this.written.keys().next().value!);
    return {
      program,
      feeds: [
        ...lowered.inputs.map((name) => ({ name, source: name })),
        ...lowered.operands.map(({ position, name }) => ({ name, source: outer[position]!.value })),
      ],
      fetches: outputs.map((value, i) => ({ name: lowered.outputs[i]!, value })),
    };
  }

  private write(
    key: string,
    graph: InterventionGraph,
    provided: readonly string[],
  ): { lowered: Lowered; program: Program } {
    const lowered = lower(this.model, graph, this.locate, {
      provided: new Map(provided.map((tensor) => [tensor, this.writer.input(tensor)])),
      siteName: siteNames(graph.root.nodes),
      maxIterations: this.maxIterations,
    });
    return {
      lowered,
      program: {
        key,
        kind: 'intervention',
        weights: this.writer.bytes(lowered.initializers),
        random: lowered.random,
        simplify: isWorthSimplifying(graph.root.nodes),
        write: () => lowered.bytes,
      },
    };
  }
}
