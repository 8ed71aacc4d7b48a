import * as z from 'zod';
import { DTYPES, type DType } from './dtypes.ts';
import { GraphError } from './error.ts';
import { InterventionGraph, type OperandData } from './graph.ts';
import { hasRegionForm } from './json-form.ts';
import { operandData } from './operand-data.ts';
import { type AttributesOf, bodyCount, isOp, type Op, schemas } from './ops.ts';
import { formatSite, siteOf } from './site.ts';
import type { Node, Region, Value } from './types.ts';
import { withRegions } from './walk.ts';

/** The version of the format that is written; others are refused. */
export const GRAPH_VERSION = 1;

const dims = z.array(z.number().int().nonnegative().nullable()).nullable();
const value = z.strictObject({ id: z.number().int().nonnegative(), dtype: z.enum(DTYPES), shape: dims });
/** A line of a user's program; null where it is not known. */
export const siteSchema = z.strictObject({ file: z.string(), line: z.number(), column: z.number() }).nullable();

const region = z.strictObject({
  parameters: z.array(value),
  get nodes() {
    return z.array(node);
  },
  results: z.array(z.number().int()),
});
const node = z.strictObject({
  op: z.string(),
  inputs: z.array(z.number().int()),
  attributes: z.record(z.string(), z.json()),
  outputs: z.array(value),
  get regions() {
    return z.array(region);
  },
  site: siteSchema,
});
const operand = z.strictObject({
  value: z.number().int(),
  dims: z.array(z.number().int().nonnegative()),
  /** Numbers, or strings of digits for 64-bit integers, which JSON's numbers cannot hold. */
  data: z.array(z.union([z.number(), z.string().regex(/^-?\d+$/), z.literal(['NaN', 'Infinity', '-Infinity'])])),
});
/** As its schema, but quicker where nothing is wrong. */
const quickRegion = z.custom<z.infer<typeof region>>().superRefine((json, context) => {
  if (hasRegionForm(json)) return;
  const { error } = region.safeParse(json);
  for (const issue of error?.issues ?? []) context.addIssue({ ...issue, code: 'custom' });
});
const structure = z.strictObject({
  format: z.literal('onnsight-graph'),
  version: z.literal(GRAPH_VERSION),
  root: quickRegion,
  saves: z.array(z.strictObject({ name: z.string(), value: z.number().int() })),
});
const schema = z.strictObject({ ...structure.shape, operands: z.array(operand) });

/** A graph without the data of its operands. */
export type GraphStructure = z.infer<typeof structure>;
export type GraphJson = z.infer<typeof schema>;
type RegionJson = z.infer<typeof region>;

/** The data of the operand that makes a value, once the value's dtype is known. */
export interface GivenOperand {
  readonly value: number;
  readonly read: (dtype: DType, path: string) => OperandData;
}

/**
 * The whole graph as JSON data, operands included. Throws a GraphError if it contains anything else: functions given to apply,
 * or several forward passes.
 * @param known the functions of a request that tells how its forwards follow one another
 */
export function graphToJson(graph: InterventionGraph, known?: KnownFunctions): GraphJson {
  return {
    ...structureToJson(graph, known),
    operands: [...graph.operands].map(([{ outputs }, data]) => ({
      value: outputs[0]!.id,
      dims: [...data.dims],
      data: Array.from(data.data as ArrayLike<number | bigint>, (x) =>
        typeof x === 'bigint' || !Number.isFinite(x) ? String(x) : x,
      ),
    })),
  };
}

/** Functions of the library, which are known elsewhere, by the values that they give. */
export type KnownFunctions = ReadonlyMap<Value, unknown>;

/** The graph without the data of its operands. Throws a GraphError where `graphToJson` does. */
export function structureToJson(graph: InterventionGraph, known?: KnownFunctions): GraphStructure {
  for (const node of withRegions(graph.root.nodes)) {
    const reason = notData(node, known);
    if (reason === null) continue;
    const site = siteOf(node);
    throw new GraphError(`${site ? `${formatSite(site)} - ` : ''}This graph cannot be data: ${reason}.`);
  }
  return {
    format: 'onnsight-graph',
    version: GRAPH_VERSION,
    root: regionToJson(graph.root),
    saves: graph.saves.map((save) => ({ name: save.name, value: save.value.id })),
  };
}

function notData(node: Node, known: KnownFunctions | undefined): string | null {
  if (node.op === 'apply') return known?.has(node.outputs[0]!) ? null : 'a function given to apply is code';
  if (known) return null;
  const isOther =
    node.op === 'forward' || ((node.op === 'read' || node.op === 'write') && node.attributes.forward !== 0);
  return isOther ? 'it runs several models, or one of them several times' : null;
}

function regionToJson({ parameters, nodes, results }: Region): RegionJson {
  return {
    parameters: parameters.map(valueToJson),
    nodes: nodes.map((node) => {
      const at = siteOf(node);
      return {
        op: node.op,
        inputs: node.inputs.map(({ id }) => id),
        attributes: attributesToJson(node.attributes),
        outputs: node.outputs.map(valueToJson),
        regions: node.regions.map(regionToJson),
        site: at && { ...at },
      };
    }),
    results: results.map(({ id }) => id),
  };
}

type Json = z.infer<ReturnType<typeof z.json>>;

/** A deep copy of attributes, which are data. */
function attributesToJson(attributes: object): Record<string, Json> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, copyOf(value)]));
}

function copyOf(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map(copyOf) : (attributesToJson(value) as Json);
}

function valueToJson({ id, type }: Value): z.infer<typeof value> {
  return { id, dtype: type.dtype, shape: type.shape && [...type.shape] };
}

/**
 * Reads a graph that was written by `graphToJson`. Nothing in it is trusted: a `GraphError` names the path of anything that is
 * wrong, an operation that is not on the closed list, or a value that is used before it is made.
 */
export function graphFromJson(json: unknown, ...more: readonly never[]): InterventionGraph {
  if (more.length > 0) throw new GraphError('graphFromJson(json) takes no more than that.');
  return nested(() => readGraph(json));
}

/** Reads data that may be nested more deeply than can be followed, or without an end. */
export function nested<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError) || !/call stack/.test(error.message)) throw error;
    throw new GraphError('This is not an intervention graph: it is nested too deeply.', { cause: error });
  }
}

function readGraph(json: unknown): InterventionGraph {
  const { operands, ...rest } = checked(schema, json);
  const given = operands.map(({ value, dims: sizes, data }) => ({
    value,
    read(dtype: DType, path: string): OperandData {
      const size = sizes.reduce((a, b) => a * b, 1);
      if (size !== data.length)
        throw new GraphError(`${path}: dims [${sizes}] need ${size} elements, found ${data.length}`);
      return { dims: sizes, data: operandData(dtype, data, path) };
    },
  }));
  return graphOf(rest, given);
}

/** Reads a graph whose operands are given apart, as `graphFromJson` does. */
export function graphFromStructure(json: unknown, operands: readonly GivenOperand[]): InterventionGraph {
  return nested(() => graphOf(checked(structure, json), operands));
}

function checked<T>(wanted: z.ZodType<T>, json: unknown): T {
  const { success, data, error } = wanted.safeParse(json);
  if (success) return data;
  throw new GraphError(`This is not an intervention graph: ${z.prettifyError(error)}`);
}

function graphOf({ root, saves }: GraphStructure, operands: readonly GivenOperand[]): InterventionGraph {
  const graph = new InterventionGraph();
  const values = new Map<number, Value>();
  readRegion(root, graph.root, values, 'root');
  const given = new Map<Node, OperandData>();
  for (const [i, { value: id, read }] of operands.entries()) {
    const made = find(values, id, `operands[${i}]`);
    if (made.node?.op !== 'operand') throw new GraphError(`operands[${i}]: %${id} is not an operand`);
    if (given.has(made.node)) throw new GraphError(`operands[${i}]: %${id} has data already`);
    given.set(made.node, read(made.type.dtype, `operands[${i}]`));
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
    graph.saves.push({ name, value: find(values, value, `saves[${i}]`) });
  }
  let last = -1;
  for (const id of values.keys()) last = Math.max(last, id);
  graph.reserve(last + 1);
  return graph;
}

function readRegion(json: RegionJson, target: Region, outer: ReadonlyMap<number, Value>, path: string): void {
  // A body sees the values around it; nothing around it sees the values in it.
  const values = path === 'root' ? (outer as Map<number, Value>) : new Map(outer);
  const make = ({ id, dtype, shape }: z.infer<typeof value>, made: Node | null, index: number): Value => {
    if (values.has(id)) throw new GraphError(`${path}: %${id} is made twice`);
    const result: Value = { id, type: { dtype, shape }, node: made, index };
    values.set(id, result);
    return result;
  };
  for (const parameter of json.parameters) target.parameters.push(make(parameter, null, 0));
  for (const [i, one] of json.nodes.entries()) {
    const at = `${path}.nodes[${i}]`;
    if (!isOp(one.op)) throw new GraphError(`${at}: there is no operation '${one.op}'`);
    if (one.op === 'operand' && path !== 'root') throw new GraphError(`${at}: operands stand in the root only`);
    const bodies = bodyCount(one.op);
    if (bodies !== one.regions.length)
      throw new GraphError(`${at}: ${one.op} has ${bodies} bodies, found ${one.regions.length}`);
    const inputs = one.inputs.map((id) => find(values, id, at));
    const regions: Region[] = one.regions.map((body, k) => {
      const inner: Region = { parameters: [], nodes: [], results: [] };
      readRegion(body, inner, values, `${at}.regions[${k}]`);
      return inner;
    });
    const outputs: Value[] = [];
    const attributes = readAttributes(one.op, one.attributes, at);
    const made = { op: one.op, inputs, attributes, regions, outputs, site: one.site } as Node;
    one.outputs.forEach((output, index) => {
      outputs.push(make(output, made, index));
    });
    target.nodes.push(made);
  }
  for (const id of json.results) target.results.push(find(values, id, `${path}.results`));
}

/** What thousands of nodes have the same, by what they have. */
const readBefore = new Map<string, AttributesOf<Op>>();

function readAttributes(op: Op, attributes: Readonly<Record<string, unknown>>, path: string): AttributesOf<Op> {
  const usual = usualText(op, attributes);
  const known = usual === null ? undefined : readBefore.get(usual);
  if (known) return known;
  const { success, data, error } = schemas[op].safeParse(attributes);
  if (!success) throw new GraphError(`${path} (${op}): its attributes are wrong: ${z.prettifyError(error)}`);
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

function find(values: ReadonlyMap<number, Value>, id: number, path: string): Value {
  const found = values.get(id);
  if (!found) throw new GraphError(`${path}: %${id} is used, but nothing before it makes it`);
  return found;
}
