import type { AttributeProto, NodeProto, TensorProto } from './proto.ts';

/** An attribute of a node; undefined where it is left out. */
function attribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((one) => one.name === name);
}

/** Null where the attribute is left out. */
export function intAttribute(node: NodeProto, name: string): number | null {
  const found = attribute(node, name);
  return found ? Number(found.i) : null;
}

/** Null where the attribute is left out. */
export function floatAttribute(node: NodeProto, name: string): number | null {
  return attribute(node, name)?.f ?? null;
}

/** Null where the attribute is left out. */
export function intsAttribute(node: NodeProto, name: string): readonly number[] | null {
  return attribute(node, name)?.ints.map(Number) ?? null;
}

/** Null where the attribute is left out. */
export function tensorAttribute(node: NodeProto, name: string): TensorProto | null {
  return attribute(node, name)?.t ?? null;
}

/** Null where the attribute is left out. */
export function floatsAttribute(node: NodeProto, name: string): readonly number[] | null {
  return attribute(node, name)?.floats ?? null;
}

/** Null where the attribute is left out. */
export function stringAttribute(node: NodeProto, name: string): string | null {
  const found = attribute(node, name);
  return found ? new TextDecoder().decode(found.s) : null;
}

/** Null where the attribute is left out. */
export function stringsAttribute(node: NodeProto, name: string): readonly string[] | null {
  return attribute(node, name)?.strings.map((one) => new TextDecoder().decode(one)) ?? null;
}
