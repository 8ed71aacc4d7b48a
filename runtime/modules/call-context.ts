import type { Links } from '../onnx/links.ts';
import type { GraphProto } from '../onnx/proto.ts';
import type { Scope } from './scope.ts';

/** What cutting a module's nodes into calls needs to know of the graph. */
export interface CallContext {
  readonly graph: GraphProto;
  readonly links: Links;
  readonly scopes: readonly Scope[];
  /** ONNX element types by tensor. */
  readonly types: ReadonlyMap<string, number>;
}
