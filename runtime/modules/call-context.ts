import type { Links } from '../onnx/links.ts';
import type { GraphProto } from '../onnx/proto.ts';
import type { Scope } from './scope.ts';

/** The facts about the graph that are needed to divide a module's nodes into calls. */
export interface CallContext {
  readonly graph: GraphProto;
  readonly links: Links;
  readonly scopes: readonly Scope[];
  /** By tensor the number of the model's first output that is made of it, of those of which one is. */
  readonly reach: ReadonlyMap<string, number>;
  /** Nodes that divide a tensor and of which the file does not say where. */
  readonly splits: ReadonlySet<number>;
  /** The final states of recurrent operators. */
  readonly finalStates: ReadonlySet<string>;
  /** The nodes of products whose modules the file no longer tells. */
  readonly lost: ReadonlySet<number>;
  /** ONNX element types by tensor. */
  readonly types: ReadonlyMap<string, number>;
}
