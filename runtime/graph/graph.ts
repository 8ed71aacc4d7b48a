import { keyOf } from './key.ts';
import type { AttributesOf, Op } from './ops.ts';
import type { LazySite, Site } from './site.ts';
import type { Node, NodeOf, Region, Shape, TensorType, Value } from './types.ts';

/** Typed data handed to a run from outside: an operand of the block, an input of the model. */
export interface OperandData {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
}

/** The nodes that several graphs have. */
const shared = new WeakSet<Region>();

/** Whether there are graphs with the same nodes and saves as this one, and other data. */
export function hasLikes({ root }: InterventionGraph): boolean {
  return shared.has(root);
}

/** What a trace wants back: values of the root region under the names of `saves`. */
export interface Save {
  readonly name: string;
  readonly value: Value;
}

/**
 * The intervention graph: a pure data structure. Reads of module tensors and operands come first in `root`, then the
 * operations in the order of the source; `write` nodes put values back into the model.
 */
export class InterventionGraph {
  readonly root: Region;
  readonly operands: Map<Node, OperandData>;
  readonly saves: Save[];
  #nextId = 0;

  /** @param like to have its nodes and saves: no node may be added to either one any more */
  constructor(like: InterventionGraph | null = null, operands = new Map<Node, OperandData>()) {
    this.root = like?.root ?? { parameters: [], nodes: [], results: [] };
    this.saves = like?.saves ?? [];
    this.operands = operands;
    if (!like) return;
    this.#nextId = like.#nextId;
    shared.add(this.root);
  }

  /** A value that no node of the graph makes: a parameter of a region. */
  parameter(type: TensorType): Value {
    return { id: this.#nextId++, type, node: null, index: 0 };
  }

  /** Appends a node to `region`. */
  add<O extends Op>(
    region: Region,
    op: O,
    inputs: readonly Value[],
    types: readonly TensorType[],
    attributes: AttributesOf<O>,
    site: Site | LazySite | null,
    regions: readonly Region[] = [],
  ): NodeOf<O> {
    const outputs: Value[] = [];
    const made: NodeOf<O> = { op, inputs, attributes, regions, outputs, site };
    // While the operation is a type parameter, the type checker cannot tell which member of the union this is.
    const node = made as Node;
    types.forEach((type, index) => {
      outputs.push({ id: this.#nextId++, type, node, index });
    });
    region.nodes.push(node);
    return made;
  }

  /** Makes a conditional yield one more value: `results` of its two bodies. */
  addResult(node: Node, results: readonly [then: Value, otherwise: Value], type: TensorType): Value {
    node.regions.forEach((region, i) => {
      region.results.push(results[i]!);
    });
    const { dtype, shape } = type;
    const value: Value = { id: this.#nextId++, type: { dtype, shape }, node, index: node.outputs.length };
    node.outputs.push(value);
    return value;
  }

  /** Keeps ids below `next` for values that are there already. */
  reserve(next: number): void {
    this.#nextId = Math.max(this.#nextId, next);
  }

  /** The graph as it is compiled, without the data that changes from run to run: equal keys share one compiled session. */
  structuralKey(): string {
    let text = structureOf(this.root);
    // Plans name operands by their order.
    for (const { outputs } of this.operands.keys()) text += `${outputs[0]!.id},`;
    text += ';';
    for (const { name, value } of this.saves) text += `${keyOf(name)}${value.id},`;
    return text;
  }

  /** The graph as text: a line a node, bodies indented. */
  toString(): string {
    const lines: string[] = [];
    printRegion(this.root, '', lines);
    for (const save of this.saves) lines.push(`save ${save.name} = %${save.value.id}`);
    return lines.join('\n');
  }
}

/** Each list ends with a bracket, so that none can pass for the beginning of the next. It is written for every run. */
function structureOf({ parameters, nodes, results }: Region): string {
  let text = '(';
  for (const parameter of parameters) text += valueStructure(parameter);
  text += ')(';
  for (const node of nodes) text += nodeStructure(node);
  text += ')(';
  for (const { id } of results) text += `${id},`;
  return `${text})`;
}

function nodeStructure({ op, inputs, attributes, regions, outputs }: Node): string {
  let text = `${op}(`;
  // Which dimensions a squeeze without dims removes depends on which sizes are 1.
  if (op === 'squeeze') text += keyOf(inputs[0]!.type.shape?.map((dim) => dim === 1));
  for (const { id } of inputs) text += `${id},`;
  text += `)${keyOf(attributes)}(`;
  for (const output of outputs) text += valueStructure(output);
  text += ')';
  for (const region of regions) text += structureOf(region);
  return text;
}

function valueStructure({ id, type }: Value): string {
  return `${id}:${type.dtype}:${type.shape?.length},`;
}

function printRegion(region: Region, indent: string, lines: string[]): void {
  for (const node of region.nodes) {
    const outputs = node.outputs.map((o) => `%${o.id}: ${formatType(o.type)}`).join(', ');
    const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    const operands = [...node.inputs.map((v) => `%${v.id}`), ...attributes].join(', ');
    lines.push(`${indent}${outputs}${outputs && ' = '}${node.op}(${operands})`);
    node.regions.forEach((body) => {
      lines.push(`${indent}  (${body.parameters.map((p) => `%${p.id}: ${formatType(p.type)}`).join(', ')}) {`);
      printRegion(body, `${indent}    `, lines);
      lines.push(`${indent}  } -> ${body.results.map((v) => `%${v.id}`).join(', ')}`);
    });
  }
}

/** `float32[1, 15, 128]`, with `?` for sizes that only the run will tell. */
export function formatType(type: TensorType): string {
  return `${type.dtype}${formatShape(type.shape)}`;
}

export function formatShape(shape: Shape): string {
  return shape ? `[${shape.map((dim) => dim ?? '?').join(', ')}]` : '[?]';
}
