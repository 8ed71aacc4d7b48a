import { GraphCopier } from '../graph/copy.ts';
import { isHosted } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import type { Op } from '../graph/ops.ts';
import type { Node, NodeOf, Shape, Value } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import { type TapForm, TapForms } from './tap-forms.ts';
import { type Tap, type TappedModel, tapAddress } from './tapped-model.ts';

/** The operations that run a part of a model again, or go back through it. */
const MORE: ReadonlySet<Op> = new Set<Op>(['call', 'forward', 'apply', 'backward', 'grad', 'setgrad']);

export interface TapContext {
  readonly tapped: TappedModel;
  /** Whether a tensor is known before the model runs: one of its inputs, or a constant. */
  isGiven(tensor: string): boolean;
  /** Whether all who read a tensor get what a write sets it to. */
  isForAll(write: NodeOf<'write'>): boolean;
  /** Whether the model is a chain at a tensor: where it is set as a whole, nothing before it has to run. */
  isBoundary(tensor: string): boolean;
  /** Whether a tensor may be set to anything, since the model is cut there. */
  isCutAt(tensor: string): boolean;
  /** The shape of a tensor in this run, as far as it is known. */
  shapeOf(tensor: string): Shape;
}

/**
 * The same graph with what it sets at taps handed to their inputs instead; null where a tap cannot do what it does: it sets
 * another tensor, or to more than a tap can make of it, or runs a part of the model again.
 */
export function tapWrites(graph: InterventionGraph, context: TapContext): InterventionGraph | null {
  const { nodes } = graph.root;
  for (const node of withRegions(nodes)) if (MORE.has(node.op)) return null;
  if (nodes.some(isHosted)) return null;
  return nodes.some(({ op }) => op === 'write') ? new TapWriter(graph, context).run() : graph;
}

/** Whether a write replaces an input for one module alone. */
export function isScoped({ attributes: { port, inplace } }: NodeOf<'write'>): boolean {
  return port === 'input' && !inplace;
}

class TapWriter extends GraphCopier {
  private readonly context: TapContext;
  private readonly forms: TapForms;
  private readonly formOf = new Map<Value, TapForm>();
  private readonly independent = new Map<Value, boolean>();

  constructor(source: InterventionGraph, context: TapContext) {
    super(source);
    this.context = context;
    this.forms = new TapForms(this.graph, (value) => this.isIndependent(value));
  }

  run(): InterventionGraph | null {
    const writes = new Map<string, NodeOf<'write'>[]>();
    for (const node of this.source.root.nodes) {
      if (node.op === 'write') {
        const tensor = this.tensorOf(node);
        writes.set(tensor, [...(writes.get(tensor) ?? []), node]);
      } else {
        this.node(node, this.graph.root);
        this.findForm(node);
      }
    }
    for (const [tensor, own] of writes) {
      const tap = this.context.tapped.taps.get(tensor);
      const isDone = tap ? this.tap(tensor, tap, own) : this.context.isCutAt(tensor) && this.copy(own);
      if (!isDone) return null;
    }
    this.saves();
    return this.graph;
  }

  private tensorOf(node: NodeOf<'read'> | NodeOf<'write'>): string {
    return this.context.tapped.locate(node.attributes).tensor;
  }

  private findForm(node: Node): void {
    const form = node.op === 'read' ? this.readForm(node) : this.madeForm(node);
    if (form) this.formOf.set(node.outputs[0]!, form);
  }

  private readForm(node: NodeOf<'read'>): TapForm | null {
    const tensor = this.tensorOf(node);
    if (!this.context.tapped.taps.has(tensor)) return null;
    const { dtype, shape } = node.outputs[0]!.type;
    const known = shape?.every((dim) => dim !== null) ? shape : this.context.shapeOf(tensor);
    return this.forms.read(tensor, { dtype, shape: shape?.map((dim, i) => dim ?? known?.[i] ?? null) ?? known });
  }

  private madeForm(node: Node): TapForm | null {
    const sides = node.inputs.map((value) => this.formOf.get(value) ?? this.value(value));
    const form = sides.find((side) => 'parts' in side);
    if (!form) return null;
    // The shape of a part of the tensor is known before the run, although it is read from the tensor.
    if (node.op === 'shape') this.values.set(node.outputs[0]!, this.forms.sizes(form.type.shape!));
    return this.forms.of(node, sides);
  }

  /** Hands a tap what the last of some writes makes of its value; false where it cannot do that. */
  private tap(tensor: string, tap: Tap, writes: readonly NodeOf<'write'>[]): boolean {
    const write = writes.at(-1)!;
    const form = this.formOf.get(write.inputs[0]!) ?? this.replaced(tensor, write);
    const isWhole = form?.tensor === tensor && form.parts.length === 0;
    // Of several writes a module's own may count before later ones: not here.
    const isOnly = writes.length === 1 ? this.context.isForAll(write) : !writes.some(isScoped);
    if (!isWhole || !isOnly) return false;
    for (const [input, value] of [
      [tap.scale, form.scale],
      [tap.add, form.add],
      [tap.mask, form.mask],
    ] as const) {
      if (value === null) continue;
      const { forward, lenient } = write.attributes;
      const attributes = { ...tapAddress(input), forward, inplace: true, lenient };
      const ranked = this.forms.ranked(value, form.type.shape.length, write);
      this.graph.add(this.graph.root, 'write', [ranked], [], attributes, write.site);
    }
    return true;
  }

  /** The form of a tensor within a layer that is set to what is known before the run. */
  private replaced(tensor: string, write: NodeOf<'write'>): TapForm | null {
    const value = this.value(write.inputs[0]!);
    if (this.context.isBoundary(tensor) || !this.isIndependent(value)) return null;
    const { dtype } = this.context.tapped.idle.get(this.context.tapped.taps.get(tensor)!.add)!;
    return this.forms.replaced(tensor, { dtype, shape: this.context.shapeOf(tensor) }, value, write);
  }

  private copy(writes: readonly Node[]): true {
    for (const write of writes) this.node(write, this.graph.root);
    return true;
  }

  /** Whether a value of the new graph depends on nothing that nodes of the model make in this run. */
  private isIndependent(value: Value): boolean {
    const { node } = value;
    if (node === null || node.op === 'operand') return true;
    let known = this.independent.get(value);
    if (known === undefined) {
      known =
        node.op === 'read'
          ? this.context.isGiven(this.tensorOf(node))
          : usesOf(node).every((used) => this.isIndependent(used));
      this.independent.set(value, known);
    }
    return known;
  }
}
