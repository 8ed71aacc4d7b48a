import * as z from 'zod';
import { DTYPES, type DType } from './dtypes.ts';
import { GraphError } from './error.ts';
import type { InterventionGraph, OperandData } from './graph.ts';
import { checkIsData, type KnownFunctions } from './is-data.ts';
import { hasRegionForm } from './json-form.ts';
import { attributesOf, madeGraph, operationOf, type Path, type ValuesSoFar } from './made-graph.ts';
import { operandData } from './operand-data.ts';
import { siteOf } from './site.ts';
import type { Node, Region, Value } from './types.ts';

/** The version of the format that is written; others are refused. */
export const GRAPH_VERSION = 1;

/** The sizes of a tensor; null for one that only the run tells, or if not even their number is known. */
export const dims = z.array(z.number().int().nonnegative().nullable()).nullable();
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
const schema = z.strictObject({
  format: z.literal('onnsight-graph'),
  version: z.literal(GRAPH_VERSION),
  root: quickRegion,
  saves: z.array(z.strictObject({ name: z.string(), value: z.number().int() })),
  operands: z.array(operand),
});

export type GraphJson = z.infer<typeof schema>;
type RegionJson = z.infer<typeof region>;

/**
 * The whole graph as JSON data, operands included. Throws a GraphError if it contains anything else: functions given to apply,
 * or several forward passes.
 * @param known the functions of a request that tells how its forwards follow one another
 */
export function graphToJson(graph: InterventionGraph, known?: KnownFunctions): GraphJson {
  checkIsData(graph, known);
  return {
    format: 'onnsight-graph',
    version: GRAPH_VERSION,
    root: regionToJson(graph.root),
    saves: graph.saves.map((save) => ({ name: save.name, value: save.value.id })),
    operands: [...graph.operands].map(([{ outputs }, data]) => ({
      value: outputs[0]!.id,
      dims: [...data.dims],
      data: Array.from(data.data as ArrayLike<number | bigint>, (x) =>
        typeof x === 'bigint' || !Number.isFinite(x) ? String(x) : x,
      ),
    })),
  };
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
  const { success, data: graph, error } = schema.safeParse(json);
  if (!success) throw new GraphError(`This is not an intervention graph: ${z.prettifyError(error)}`);
  const { root, saves, operands } = graph;
  const given = operands.map(({ value, dims: sizes, data }) => ({
    value,
    read(dtype: DType, path: string): OperandData {
      const size = sizes.reduce((a, b) => a * b, 1);
      if (size !== data.length)
        throw new GraphError(`${path}: dims [${sizes}] need ${size} elements, found ${data.length}`);
      return { dims: sizes, data: operandData(dtype, data, path) };
    },
  }));
  return madeGraph((target, values) => readRegion(root, target, values, () => 'root', true), saves, given);
}

function readRegion(json: RegionJson, target: Region, values: ValuesSoFar, path: Path, isRoot: boolean): void {
  const make = ({ id, dtype, shape }: z.infer<typeof value>, made: Node | null, index: number): Value =>
    values.make(id, { dtype, shape }, made, index, path);
  for (const parameter of json.parameters) target.parameters.push(make(parameter, null, 0));
  for (const [i, one] of json.nodes.entries()) {
    const at = () => `${path()}.nodes[${i}]`;
    const op = operationOf(one.op, one.regions.length, isRoot, at);
    const inputs = one.inputs.map((id) => values.find(id, at));
    const regions: Region[] = one.regions.map((body, k) => {
      const inner: Region = { parameters: [], nodes: [], results: [] };
      readRegion(body, inner, values.body(), () => `${at()}.regions[${k}]`, false);
      return inner;
    });
    const outputs: Value[] = [];
    const attributes = attributesOf(op, one.attributes, at);
    const made = { op, inputs, attributes, regions, outputs, site: one.site } as Node;
    one.outputs.forEach((output, index) => {
      outputs.push(make(output, made, index));
    });
    target.nodes.push(made);
  }
  for (const id of json.results) target.results.push(values.find(id, () => `${path()}.results`));
}
