import { type Attributes, makeNode } from '../../../runtime/onnx/make.ts';
import type { Case, Values } from '../harness.ts';

/** A model of one node; its inputs in order, '' for one that is left out, and those that are constants among them. */
export function oneNode(
  op: string,
  inputs: Readonly<Record<string, Values>>,
  attributes: Attributes = {},
  more: Partial<Case> & { readonly order?: readonly string[]; readonly outputs?: readonly string[] } = {},
): Case {
  const { order, outputs, ...others } = more;
  const names = order ?? [...Object.keys(inputs), ...Object.keys(more.constants ?? {})];
  const name = `${op} ${JSON.stringify(attributes).replace(/["{}]/g, '')}`;
  return { name, nodes: [makeNode(op, names, outputs ?? ['y'], attributes)], inputs, ...others };
}
