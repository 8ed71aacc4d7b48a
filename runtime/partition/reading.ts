import type { InterventionGraph } from '../graph/graph.ts';
import type { Op } from '../graph/ops.ts';
import { withRegions } from '../graph/walk.ts';
import type { Layer } from '../modules/layers.ts';
import { type Module, walk } from '../modules/module.ts';
import type { OnnxModel } from '../onnx/model.ts';

/** The operations that change what a model computes, run a part of it again, or go back through it. */
const MORE: ReadonlySet<Op> = new Set<Op>(['write', 'call', 'forward', 'apply', 'backward', 'grad', 'setgrad']);

/** Whether a block only reads. */
export function onlyReads({ root }: InterventionGraph): boolean {
  return [...withRegions(root.nodes)].every(({ op }) => !MORE.has(op));
}

/**
 * What a program gives besides what was asked for, so that other blocks can read from it too: the ends of all layers, and of
 * a tensor inside a layer the same of the other layers. Outputs that nobody fetches stay on the device.
 */
export class Reading {
  private readonly model: OnnxModel;
  private readonly boundaries: readonly string[];
  /** The tensors that lie alike in their layers, by each of them. */
  private readonly alike = new Map<string, readonly string[]>();

  constructor(model: OnnxModel, tree: Module, layers: readonly Layer[]) {
    this.model = model;
    this.boundaries = layers.flatMap(({ call }) => call.outputs);
    const places = new Map<string, string[]>();
    for (const { place, tensor } of placesOf(tree, layers)) {
      const others = places.get(place) ?? [];
      places.set(place, others);
      others.push(tensor);
      if (!this.alike.has(tensor)) this.alike.set(tensor, others);
    }
  }

  /** The outputs of a program of some nodes from which some tensors are asked for. */
  outputs(nodes: readonly number[], asked: readonly string[]): string[] {
    const { maker, constant } = this.model.links;
    const own = new Set(nodes);
    const isGiven = (tensor: string) =>
      own.has(maker.get(tensor) ?? -1) && !constant.has(tensor) && this.model.elementTypes.has(tensor);
    const more = [...this.boundaries, ...asked.flatMap((tensor) => this.alike.get(tensor) ?? [])];
    return [...new Set([...asked, ...more.filter(isGiven)])].sort();
  }
}

/** Where the inputs and outputs of modules lie, in terms of their layer. */
function* placesOf(tree: Module, layers: readonly Layer[]): Generator<{ place: string; tensor: string }> {
  const paths = new Set(layers.map(({ path }) => path));
  for (const layer of walk(tree)) {
    if (!paths.has(layer.path)) continue;
    for (const { path, calls } of walk(layer)) {
      const inside = path.slice(layer.path.length);
      for (const [call, { outputs, inputs }] of calls.entries()) {
        for (const [i, tensor] of outputs.entries()) yield { place: `${inside} ${call} output ${i}`, tensor };
        for (const [i, tensor] of inputs.entries()) yield { place: `${inside} ${call} input ${i}`, tensor };
      }
    }
  }
}
