import { TraceError } from '../errors.ts';
import { withWrittenOut } from '../gradients/written-out.ts';
import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { siteOf } from '../graph/site.ts';
import type { NodeOf } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import { anyPadding, hasUnevenRows, isPadded, type Padding } from '../inputs/left-padding.ts';
import type { Locate } from '../lowering/address.ts';
import type { Module } from '../modules/module.ts';
import { movedModule } from '../modules/moved.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { type Rewritten, withGatheredRows } from '../onnx/gathered-rows.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { isInside } from '../onnx/written-out.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { ClosedModel } from './closed-form.ts';

/** A model with its modules. */
export interface Form {
  readonly model: OnnxModel;
  readonly locate: Locate;
  readonly tree: Module;
}

/** Makes the engine of a form; `isMain` says whether it is the form that most runs are in. */
export type Maker<E> = (form: Form, isMain: boolean) => E;

/**
 * The forms in which a model runs: as it is; where rows begin with padding and its operators need the tokens in front, so
 * that they get them there; where a graph reads or sets what is inside of an operator that does the work of many, with that written out; where bodies
 * were opened for what stands in them, and a graph does not look there, as its file has it. Each has an engine, with
 * sessions of its own, from the first run on that needs it.
 */
export class ModelForms<E extends { readonly forms: ModelForms<E> }> {
  private readonly plain: Form & { readonly engine: E };
  private readonly make: Maker<E>;
  /** Where padding may be that the model's operators take for tokens. */
  private readonly anyPadding: Padding | null;
  private gathered: E | null = null;
  private opened: E | null = null;
  /** The model with its bodies as its file has them; null where they are so. */
  private readonly closedModel: ClosedModel | null;
  private closed: E | null = null;

  constructor(plain: Form & { readonly engine: E }, make: Maker<E>) {
    this.plain = plain;
    this.make = make;
    const { model } = plain;
    this.anyPadding = anyPadding(model);
    this.closedModel = model.closed && new ClosedModel(model, model.closed);
  }

  /** The engines of the other forms. */
  get others(): readonly E[] {
    return [this.gathered, this.opened, this.closed].filter((one) => one !== null);
  }

  /** For a graph on some inputs. */
  for(graph: InterventionGraph, inputs: ReadonlyMap<string, InputTensor>): E {
    const closed = this.closedFor(graph, 0);
    if (closed !== null) return closed.forms.for(graph, inputs);
    const inner = this.insideOf(graph, 0);
    if (inner === null)
      return this.withPadding(this.anyPadding && isPadded(this.plain.model, inputs) ? this.anyPadding : null);
    if (hasUnevenRows(this.plain.model, inputs)) {
      throw new TraceError(
        `${told(inner)} is inside of ${this.around(inner)}, and rows of this run begin with padding, for which it cannot be written out. Give rows of one length, or a trace for each.`,
        siteOf(inner),
      );
    }
    return this.withOpened();
  }

  /**
   * For any inputs: in a bundle, which runs where nobody looks at them.
   * @param forward the forward of the graph that is run
   */
  forAnyInputs(graph: InterventionGraph, forward: number): E {
    const closed = this.closedFor(graph, forward);
    if (closed !== null) return closed.forms.forAnyInputs(graph, forward);
    const inner = this.insideOf(graph, forward);
    if (inner === null) return this.withPadding(this.anyPadding);
    if (this.anyPadding !== null) {
      throw new TraceError(
        `${told(inner)} is inside of ${this.around(inner)}, which a bundle cannot look into: what is fed to the model may begin with padding, for which it cannot be written out.`,
        siteOf(inner),
      );
    }
    return this.withOpened();
  }

  /** The first read or write of a graph that is inside of an operator that does the work of many. */
  private insideOf({ root }: InterventionGraph, forward: number): NodeOf<'read'> | NodeOf<'write'> | null {
    for (const node of withRegions(root.nodes)) {
      if ((node.op !== 'read' && node.op !== 'write') || forwardOf(node) !== forward) continue;
      const { path } = node.attributes;
      if (path.includes(OPERATION) && isInside(this.plain.locate(node.attributes).tensor)) return node;
    }
    return null;
  }

  /** The operator that a read or write is inside of. */
  private around({ attributes }: NodeOf<'read'> | NodeOf<'write'>): string {
    return this.plain.model.graph.node[this.plain.locate(attributes).nodes[0]!]!.opType;
  }

  private closedFor(graph: InterventionGraph, forward: number): E | null {
    if (!this.closedModel?.serves(graph, forward, this.plain.locate)) return null;
    this.closed ??= this.rewritten(this.closedModel, true);
    return this.closed;
  }

  private withOpened(): E {
    this.opened ??= this.rewritten(withWrittenOut(this.plain.model));
    return this.opened;
  }

  private withPadding(padding: Padding | null): E {
    if (padding === null) return this.plain.engine;
    this.gathered ??= this.rewritten(withGatheredRows(this.plain.model, padding.tokens, padding.mask));
    return this.gathered;
  }

  private rewritten({ model, nodesOf }: Rewritten, isMain = false): E {
    const moved = (nodes: readonly number[]) => nodes.flatMap(nodesOf);
    const locate: Locate = (address) => {
      const located = this.plain.locate(address);
      return { ...located, nodes: moved(located.nodes) };
    };
    return this.make({ model, locate, tree: movedModule(this.plain.tree, nodesOf) }, isMain);
  }
}

function told({ attributes }: NodeOf<'read'> | NodeOf<'write'>): string {
  return attributes.path.replace(OPERATION, '.ops.');
}
