import * as z from 'zod';
import type { DType } from './dtypes.ts';
import { GraphError } from './error.ts';
import type { InterventionGraph, OperandData } from './graph.ts';
import { checkIsData, type KnownFunctions } from './is-data.ts';
import { graphSchema } from './json-schema.ts';
import {
  type GivenRegionJson,
  GRAPH_VERSION,
  type GraphJson,
  type Json,
  type RegionJson,
  type ValueJson,
} from './json-types.ts';
import { attributesOf, madeGraph, operationOf, type Path, type ValuesSoFar } from './made-graph.ts';
import { operandData } from './operand-data.ts';
import { siteOf } from './site.ts';
import type { Node, Region, Value } from './types.ts';

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

/** A deep copy of attributes, which are data. */
function attributesToJson(attributes: object): Record<string, Json> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, copyOf(value)]));
}

function copyOf(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map(copyOf) : (attributesToJson(value) as Json);
}

function valueToJson({ id, type }: Value): ValueJson {
  return { id, dtype: type.dtype, shape: type.shape && [...type.shape] };
}

/**
 * Reads a graph that was written by `graphToJson`, or by hand: lists, attributes and sites that are empty may be left out. Nothing in it is trusted: a `GraphError` names the path of anything that is
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
  const { success, data: graph, error } = graphSchema.safeParse(json);
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

function readRegion(json: GivenRegionJson, target: Region, values: ValuesSoFar, path: Path, isRoot: boolean): void {
  const make = ({ id, dtype, shape }: ValueJson, made: Node | null, index: number): Value =>
    values.make(id, { dtype, shape }, made, index, path);
  for (const parameter of json.parameters ?? []) target.parameters.push(make(parameter, null, 0));
  for (const [i, one] of json.nodes.entries()) {
    const at = () => `${path()}.nodes[${i}]`;
    const { inputs: given = [], attributes: said = {}, outputs: made = [], regions: bodies = [], site = null } = one;
    const op = operationOf(one.op, bodies.length, isRoot, at);
    const inputs = given.map((id) => values.find(id, at));
    const regions: Region[] = bodies.map((body, k) => {
      const inner: Region = { parameters: [], nodes: [], results: [] };
      readRegion(body, inner, values.body(), () => `${at()}.regions[${k}]`, false);
      return inner;
    });
    const outputs: Value[] = [];
    const attributes = attributesOf(op, said, at);
    const node = { op, inputs, attributes, regions, outputs, site } as Node;
    made.forEach((output, index) => {
      outputs.push(make(output, node, index));
    });
    target.nodes.push(node);
  }
  for (const id of json.results ?? []) target.results.push(values.find(id, () => `${path()}.results`));
}
