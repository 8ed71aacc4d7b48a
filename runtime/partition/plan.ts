import { formatSite } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Node } from '../graph/types.ts';

/** `whole`: the model with the interventions inside. `segment`: a part of the model. */
export type PieceKind = 'whole' | 'segment' | 'intervention';

/** A `call` is a segment of the model that runs on other values. */
export type StepKind = PieceKind | 'call';

/** A model to be compiled. */
export interface Piece {
  /** Equal keys are the same compiled piece. */
  readonly key: string;
  readonly kind: PieceKind;
  /** The size of its weights in bytes. */
  readonly weights: number;
  /** Whether it may give other results when it runs again. */
  readonly random: boolean;
  /** Where it has to run, if not on the model's device. */
  readonly device?: 'cpu';
  /** The model in ONNX's format. */
  write(): Uint8Array;
}

/** A tensor that enters or leaves a piece: its name there, and the place where it is kept during the run. */
export interface Port {
  readonly name: string;
  readonly slot: number;
}

/** One piece to run. */
export interface Step {
  readonly piece: Piece;
  readonly kind: StepKind;
  /** What to call it. */
  readonly label: string;
  readonly feeds: readonly Port[];
  readonly fetches: readonly Port[];
  /** The slots that nobody needs after this step. */
  readonly drops: readonly number[];
  /** The positions, in the root of the intervention graph, of the steps that are written into the piece. */
  readonly nodes: readonly number[];
}

/** How a graph is run: in which order which pieces run, and what goes from one to the next. */
export interface Plan {
  readonly slots: number;
  /** The model's inputs that are needed. */
  readonly inputs: readonly Port[];
  /** The operands that are needed: their positions among the graph's operands. */
  readonly operands: readonly { readonly position: number; readonly slot: number }[];
  readonly steps: readonly Step[];
  /** The slot of each save, in order. */
  readonly saves: readonly number[];
  /** The segments of the model that need not run. */
  readonly skipped: readonly string[];
}

/** Steps of a graph with those in their bodies, in the order in which places are numbered. */
export function* withBodies(nodes: readonly Node[]): Generator<Node> {
  for (const node of nodes) {
    if (node.op === 'operand') continue;
    yield node;
    for (const region of node.regions) yield* withBodies(region.nodes);
  }
}

/** Names for the places of steps that are equal in graphs of equal structure, wherever their source stands. */
export function places(nodes: readonly Node[]): (node: Node) => string {
  const numbers = new Map([...withBodies(nodes)].map((node, i) => [node, i]));
  return (node) => `place_${numbers.get(node)}`;
}

/**
 * A message of ONNX Runtime about a step, with the places of the graph's steps by file and line. What goes wrong in a
 * called module goes wrong at the call.
 */
export function withSites(message: string, { kind, nodes }: Step, graph: InterventionGraph): string {
  const steps = [...withBodies(nodes.map((position) => graph.root.nodes[position]!))];
  const name = (node: Node | undefined) => (node?.site ? formatSite(node.site) : (node?.op ?? 'step'));
  if (kind === 'call') return message.replace(/Name:'[^']*'/, `Name:'onnsight/at_0:${name(steps[0])}'`);
  return message.replaceAll(/(onnsight\/at_\d+:)place_(\d+)/g, (_, at, number) => at + name(steps[Number(number)]));
}
