import * as z from 'zod';
import type { DType } from './dtypes.ts';
import { GraphError } from './error.ts';
import { InterventionGraph, type OperandData } from './graph.ts';
import { isOp, schemas } from './op-schemas.ts';
import { type AttributesOf, bodyCount, type Op } from './ops.ts';
import type { Node, Region, TensorType, Value } from './types.ts';

/** Where in what is read something stands, for an error. */
export type Path = () => string;

/** The data of the operand that makes a value, once the value's dtype is known. */
export interface GivenOperand {
  readonly value: number;
  readonly read: (dtype: DType, path: string) => OperandData;
}

/** A value that a graph gives back, by its number. */
export interface GivenSave {
  readonly name: string;
  readonly value: number;
}

/** The values of a graph that is read, by their numbers: each is made once, before it is used. */
export class ValuesSoFar {
  readonly #values = new Map<number, Value>();
  readonly #around: ValuesSoFar | null;
  /** One more than the number of any value of the graph, in bodies, too. */
  readonly #numbers: { next: number };

  constructor(around: ValuesSoFar | null = null) {
    this.#around = around;
    this.#numbers = around ? around.#numbers : { next: 0 };
  }

  /** Those of a body: it sees the values around it, and nothing around it sees the values in it. */
  body(): ValuesSoFar {
    return new ValuesSoFar(this);
  }

  make(id: number, type: TensorType, node: Node | null, index: number, path: Path): Value {
    if (this.#seen(id)) throw new GraphError(`${path()}: %${id} is made twice`);
    const value: Value = { id, type, node, index };
    this.#values.set(id, value);
    this.#numbers.next = Math.max(this.#numbers.next, id + 1);
    return value;
  }

  find(id: number, path: Path): Value {
    const found = this.#seen(id);
    if (!found) throw new GraphError(`${path()}: %${id} is used, but nothing before it makes it`);
    return found;
  }

  get next(): number {
    return this.#numbers.next;
  }

  #seen(id: number): Value | undefined {
    for (let region: ValuesSoFar | null = this; region; region = region.#around) {
      const found = region.#values.get(id);
      if (found) return found;
    }
    return undefined;
  }
}

/** The operation of a name. Throws a GraphError if there is none, or it cannot stand there with so many bodies. */
export function operationOf(name: string, bodies: number, isRoot: boolean, path: Path): Op {
  if (!isOp(name)) throw new GraphError(`${path()}: there is no operation '${name}'`);
  if (name === 'operand' && !isRoot) throw new GraphError(`${path()}: operands stand in the root only`);
  const needed = bodyCount(name);
  if (needed !== bodies) throw new GraphError(`${path()}: ${name} has ${needed} bodies, found ${bodies}`);
  return name;
}

/** What thousands of nodes have the same, by what they have. */
const readBefore = new Map<string, AttributesOf<Op>>();

/** The attributes of an operation. Throws a GraphError if it has others. */
export function attributesOf(op: Op, attributes: Readonly<Record<string, unknown>>, path: Path): AttributesOf<Op> {
  const usual = usualText(op, attributes);
  const known = usual === null ? undefined : readBefore.get(usual);
  if (known) return known;
  const { success, data, error } = schemas[op].safeParse(attributes);
  if (!success) throw new GraphError(`${path()} (${op}): its attributes are wrong: ${z.prettifyError(error)}`);
  if (usual !== null) readBefore.set(usual, data);
  return data;
}

/** Most operations have no attributes, and operands have a dtype. */
function usualText(op: Op, attributes: Readonly<Record<string, unknown>>): string | null {
  const [name, ...others] = Object.keys(attributes);
  if (name === undefined) return op;
  const { dtype } = attributes;
  return op === 'operand' && others.length === 0 && typeof dtype === 'string' ? `${op} ${dtype}` : null;
}

/** A graph whose root `readRoot` reads, with the data of its operands. Throws a GraphError where they do not fit together. */
export function madeGraph(
  readRoot: (target: Region, values: ValuesSoFar) => void,
  saves: readonly GivenSave[],
  operands: readonly GivenOperand[],
): InterventionGraph {
  const graph = new InterventionGraph();
  const values = new ValuesSoFar();
  readRoot(graph.root, values);
  const given = new Map<Node, OperandData>();
  for (const [i, { value: id, read }] of operands.entries()) {
    const path = `operands[${i}]`;
    const made = values.find(id, () => path);
    if (made.node?.op !== 'operand') throw new GraphError(`${path}: %${id} is not an operand`);
    if (given.has(made.node)) throw new GraphError(`${path}: %${id} has data already`);
    given.set(made.node, read(made.type.dtype, path));
  }
  // Operands are told apart by the order of their nodes, whatever the order of their data.
  for (const node of graph.root.nodes) {
    if (node.op !== 'operand') continue;
    const data = given.get(node);
    if (data === undefined) throw new GraphError(`The operand %${node.outputs[0]?.id} has no data`);
    graph.operands.set(node, data);
  }
  const names = new Set<string>();
  for (const [i, { name, value }] of saves.entries()) {
    if (names.has(name)) throw new GraphError(`saves[${i}]: there is a save named ${JSON.stringify(name)} already`);
    names.add(name);
    graph.saves.push({ name, value: values.find(value, () => `saves[${i}]`) });
  }
  graph.reserve(values.next);
  return graph;
}
