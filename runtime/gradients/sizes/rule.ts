import type { NodeProto } from '../../onnx/proto.ts';
import type { Dim, Dims, Facts } from '../facts.ts';

/** All sizes of a tensor. */
export type Sizes = readonly Dim[];

/** The sizes of the outputs of a node; null where they are not known. */
export type Infer = (node: NodeProto, facts: Facts) => readonly Dims[];
