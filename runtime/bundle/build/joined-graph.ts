import type { Tracing } from '../../api/tracing.ts';
import { GraphCopier } from '../../graph/copy.ts';
import { forwardOf, isForwardNode } from '../../graph/forwards.ts';
import type { InterventionGraph } from '../../graph/graph.ts';
import type { Address, AttributesOf, Op } from '../../graph/ops.ts';
import type { Node, NodeOf, Region, Value } from '../../graph/types.ts';
import type { Locate, Located } from '../../lowering/address.ts';
import type { Module } from '../../modules/module.ts';
import type { OnnxModel } from '../../onnx/model.ts';
import { joinModels, type Part } from './joined-model.ts';

/** The graph of a block over one model: one that calls other models in it is a graph over all of them as one. */
export interface JoinedGraph {
  readonly model: OnnxModel;
  readonly graph: InterventionGraph;
  readonly locate: Locate;
  /** The model's modules; null where it is several models as one. */
  readonly tree: Module | null;
  /** The value of the graph for one that the block made. */
  value(made: Value): Value;
  /** The writes that nobody asked for: what a called model is given, and the rows that the end of a model runs on. */
  readonly entering: ReadonlySet<Node>;
  /** The models that are called, each once, where they are first called. */
  readonly attached: ReadonlyMap<string, OnnxModel>;
}

export function joinGraph(tracing: Tracing): JoinedGraph {
  if (tracing.forwards.runs.length > 1) return new Joiner(tracing);
  const { model, locate, tree } = tracing.forwards.runs[0]!.engine.forms.forAnyInputs(tracing.graph, 0);
  return {
    model,
    graph: tracing.graph,
    locate,
    tree,
    value: (made) => tracing.value(made),
    entering: new Set(),
    attached: new Map(),
  };
}

/** A run as a part of the whole model, and the beginning of the paths of its modules there. */
interface Placed extends Part {
  readonly path: string;
  readonly locate: Locate;
}

/** Copies a graph of several runs: what a called model is given is written to its inputs. */
class Joiner extends GraphCopier implements JoinedGraph {
  readonly model: OnnxModel;
  readonly tree = null;
  readonly attached = new Map<string, OnnxModel>();
  readonly entering = new Set<Node>();
  readonly #tracing: Tracing;
  /** By the numbers of the runs. */
  readonly #placed: readonly Placed[];
  /** Where the paths of the whole lead: those of the first model are its own. */
  readonly #paths = new Map<string, { readonly placed: Placed; readonly path: string }>();
  /** What the inputs of called models are given, by their names in the whole. */
  readonly #given = new Map<string, Value>();

  constructor(tracing: Tracing) {
    super(tracing.graph);
    this.#tracing = tracing;
    const engines = tracing.forwards.runs.map(({ engine }, run) => engine.forms.forAnyInputs(tracing.graph, run));
    const { model, parts } = joinModels(engines.map((engine) => engine.model));
    this.model = model;
    const calls = new Map<string, number>();
    this.#placed = parts.map((part, run) => {
      const place = run === 0 ? '' : this.#place(run);
      const call = calls.get(place) ?? 0;
      calls.set(place, call + 1);
      if (run > 0 && ![...this.attached.values()].includes(part.model)) this.attached.set(place, part.model);
      return { ...part, path: call === 0 ? place : `${place}.calls[${call}]`, locate: engines[run]!.locate };
    });
    for (const node of this.source.root.nodes) this.node(node, this.graph.root);
  }

  override value(made: Value): Value {
    return super.value(this.values.has(made) ? made : this.#tracing.value(made));
  }

  readonly locate = (address: Address): Located => {
    const { placed, path } = this.#paths.get(address.path) ?? { placed: this.#placed[0]!, path: address.path };
    const { tensor, nodes, inputs, outputs } = placed.locate({ ...address, path });
    return {
      tensor: placed.rename(tensor),
      nodes: nodes.map((node) => placed.base + node),
      inputs: inputs.map(placed.rename),
      outputs: outputs.map(placed.rename),
    };
  };

  override node(node: Node, region: Region): void {
    if (node.op === 'forward') this.#enter(node, region);
    else if (node.op !== 'read' || !this.#readGiven(node)) super.node(node, region);
  }

  protected override attributes(node: Node): AttributesOf<Op> {
    if (!isForwardNode(node) || node.op === 'forward') return node.attributes;
    return { ...node.attributes, forward: 0, path: this.#pathIn(forwardOf(node), node.attributes.path) };
  }

  #enter(node: NodeOf<'forward'>, region: Region): void {
    const run = forwardOf(node);
    const path = this.#pathIn(run, '');
    const { inputs } = this.#placed[run]!.locate({ path: '', port: 'input', index: 0, call: 0 });
    node.attributes.inputs.forEach((name, i) => {
      const given = this.value(node.inputs[i]!);
      this.#given.set(this.#placed[run]!.rename(name), given);
      const index = inputs.indexOf(name);
      if (index < 0) return;
      const address = { path, port: 'input', index, call: 0 } as const;
      const attributes = { ...address, forward: 0, inplace: true, lenient: true };
      this.entering.add(this.graph.add(region, 'write', [given], [], attributes, node.site));
    });
  }

  /** What a called model is given, if that is what is read. */
  #readGiven(node: NodeOf<'read'>): boolean {
    const { locate, rename } = this.#placed[forwardOf(node)]!;
    const given = this.#given.get(rename(locate(node.attributes).tensor));
    if (given) this.values.set(node.outputs[0]!, given);
    return given !== undefined;
  }

  #pathIn(run: number, path: string): string {
    const placed = this.#placed[run]!;
    const whole = [placed.path, path].filter(Boolean).join('.');
    if (run > 0) this.#paths.set(whole, { placed, path });
    return whole;
  }

  /** The path at which the model of a run is attached, from the first model on; else the name of its file. */
  #place(run: number): string {
    const { engine, owner } = this.#tracing.forwards.runs[run]!;
    const place = this.#tracing.forwards.placeOf(run);
    if (!place) return engine.model.file;
    return owner === 0 ? place.path : `${this.#place(owner)}.${place.path}`;
  }
}
