import { z } from 'zod';
import { InterventionGraph } from './graph.ts';
import { operations } from './operations/index.ts';
import { DTYPES, type Node, type Region, type Value } from './types.ts';

/** The version of the format that is written; others are refused. */
export const GRAPH_VERSION = 1;

/** A graph given as data is not one: the message says where and why. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}

const dims = z.array(z.number().int().nonnegative().nullable()).nullable();
const value = z.strictObject({ id: z.number().int().nonnegative(), dtype: z.enum(DTYPES), shape: dims });
const site = z.strictObject({ file: z.string(), line: z.number(), column: z.number() }).nullable();

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
  site,
});
const operand = z.strictObject({
  value: z.number().int(),
  dims: z.array(z.number().int().nonnegative()),
  /** Numbers, or strings of digits for 64-bit integers, which JSON's numbers cannot hold. */
  data: z.array(z.union([z.number(), z.string().regex(/^-?\d+$/), z.literal(['NaN', 'Infinity', '-Infinity'])])),
});
const schema = z.strictObject({
  format: z.literal('onnsight-graph'),
  version: z.literal(GRAPH_VERSION),
  root: region,
  operands: z.array(operand),
  saves: z.array(z.strictObject({ name: z.string(), value: z.number().int() })),
});

export type GraphJson = z.infer<typeof schema>;
type RegionJson = z.infer<typeof region>;

/**
 * The whole graph as JSON data, operands included. Throws a GraphError for what is no data: functions given to apply,
 * and graphs of several forward passes.
 */
export function graphToJson(graph: InterventionGraph): GraphJson {
  for (const { op, attributes, site: place } of graph.root.nodes) {
    const reason =
      op === 'apply'
        ? 'a function given to apply is code'
        : op === 'forward' || attributes.pass !== undefined
          ? 'it runs several models, or one of them several times'
          : null;
    if (reason) {
      const at = place ? `${place.file}:${place.line}:${place.column} - ` : '';
      throw new GraphError(`${at}This graph cannot be data: ${reason}.`);
    }
  }
  return {
    format: 'onnsight-graph',
    version: GRAPH_VERSION,
    root: regionToJson(graph.root),
    operands: [...graph.operands].map(([{ outputs }, data]) => ({
      value: outputs[0]!.id,
      dims: [...data.dims],
      data: Array.from(data.data as ArrayLike<number | bigint>, (x) =>
        typeof x === 'bigint' || !Number.isFinite(x) ? String(x) : x,
      ),
    })),
    saves: graph.saves.map((save) => ({ name: save.name, value: save.value.id })),
  };
}

function regionToJson({ parameters, nodes, results }: Region): RegionJson {
  return {
    parameters: parameters.map(valueToJson),
    nodes: nodes.map(({ op, inputs, attributes, outputs, regions, site: place }) => ({
      op,
      inputs: inputs.map(({ id }) => id),
      attributes: structuredClone(attributes) as Record<string, z.core.util.JSONType>,
      outputs: outputs.map(valueToJson),
      regions: regions.map(regionToJson),
      site: place && { ...place },
    })),
    results: results.map(({ id }) => id),
  };
}

function valueToJson({ id, type }: Value): z.infer<typeof value> {
  return { id, dtype: type.dtype, shape: type.shape && [...type.shape] };
}

/** Operations that are the graph's own, with the number of their bodies. */
const STRUCTURE: Readonly<Record<string, number>> = { read: 0, write: 0, operand: 0, call: 0, if: 2, loop: 1 };

/**
 * Reads a graph that was written by `graphToJson`. Nothing in it is trusted: a `GraphError` names the path of what is
 * wrong, an operation that is not on the closed list, or a value that is used before it is made.
 */
export function graphFromJson(json: unknown): InterventionGraph {
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new GraphError(`This is no intervention graph: ${z.prettifyError(parsed.error)}`);
  const { root, operands, saves } = parsed.data;
  const graph = new InterventionGraph();
  const values = new Map<number, Value>();
  readRegion(root, graph.root, values, 'root');
  for (const [i, { value: id, dims: sizes, data }] of operands.entries()) {
    const made = find(values, id, `operands[${i}]`);
    const size = sizes.reduce((a, b) => a * b, 1);
    if (made.node?.op !== 'operand') throw new GraphError(`operands[${i}]: %${id} is no operand`);
    if (size !== data.length)
      throw new GraphError(`operands[${i}]: dims [${sizes}] need ${size} elements, found ${data.length}`);
    graph.operands.set(made.node, { dims: sizes, data: typedData(made, data) });
  }
  for (const { outputs, op } of graph.root.nodes) {
    if (op === 'operand' && !graph.operands.has(outputs[0]!.node!))
      throw new GraphError(`The operand %${outputs[0]!.id} has no data`);
  }
  for (const [i, save] of saves.entries())
    graph.saves.push({ name: save.name, value: find(values, save.value, `saves[${i}]`) });
  graph.reserve(Math.max(-1, ...values.keys()) + 1);
  return graph;
}

function readRegion(json: RegionJson, target: Region, outer: ReadonlyMap<number, Value>, path: string): void {
  // A body sees what is around it; nobody around sees what is in it.
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
    const bodies = STRUCTURE[one.op] ?? (Object.hasOwn(operations, one.op) ? 0 : null);
    if (bodies === null) throw new GraphError(`${at}: there is no operation '${one.op}'`);
    if (bodies !== one.regions.length)
      throw new GraphError(`${at}: ${one.op} has ${bodies} bodies, found ${one.regions.length}`);
    const inputs = one.inputs.map((id) => find(values, id, at));
    const regions: Region[] = one.regions.map((body, k) => {
      const inner: Region = { parameters: [], nodes: [], results: [] };
      readRegion(body, inner, values, `${at}.regions[${k}]`);
      return inner;
    });
    const outputs: Value[] = [];
    const made: Node = { op: one.op, inputs, attributes: one.attributes, regions, outputs, site: one.site };
    one.outputs.forEach((output, index) => {
      outputs.push(make(output, made, index));
    });
    target.nodes.push(made);
  }
  target.results.push(...json.results.map((id) => find(values, id, `${path}.results`)));
}

function find(values: ReadonlyMap<number, Value>, id: number, path: string): Value {
  const found = values.get(id);
  if (!found) throw new GraphError(`${path}: %${id} is used, but nothing before it makes it`);
  return found;
}

function typedData({ type }: Value, data: readonly (number | string)[]): ArrayLike<number> | ArrayLike<bigint> {
  switch (type.dtype) {
    case 'int64':
      return BigInt64Array.from(data, BigInt);
    case 'uint64':
      return BigUint64Array.from(data, BigInt);
    case 'float32':
      return Float32Array.from(data, Number);
    case 'float64':
      return Float64Array.from(data, Number);
    case 'float16':
    case 'uint16':
      return Uint16Array.from(data, Number);
    case 'int32':
      return Int32Array.from(data, Number);
    case 'uint32':
      return Uint32Array.from(data, Number);
    case 'int16':
      return Int16Array.from(data, Number);
    case 'int8':
      return Int8Array.from(data, Number);
    default:
      return Uint8Array.from(data, Number);
  }
}
