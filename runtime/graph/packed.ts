import * as z from 'zod';
import { DTYPES } from './dtypes.ts';
import { GraphError } from './error.ts';
import type { InterventionGraph } from './graph.ts';
import { checkIsData, type KnownFunctions } from './is-data.ts';
import { dims } from './json-schema.ts';
import { attributesOf, type GivenOperand, madeGraph, operationOf, type Path, type ValuesSoFar } from './made-graph.ts';
import type { AttributesOf, Op } from './ops.ts';
import { type Site, siteOf } from './site.ts';
import type { Node, Region, TensorType, Value } from './types.ts';

const count = z.number().int().nonnegative();

/** A row may have a million numbers, which are looked at one by one as they are read. */
const row = z.custom<readonly number[]>(
  (json) => Array.isArray(json) && json.every((one) => Number.isSafeInteger(one)),
  'Invalid input: expected whole numbers',
);

/**
 * A graph as it travels between machines: what many nodes have the same stands once, in a table, and the rest is one row
 * of whole numbers, so that 10,000 nodes are read in a few milliseconds. A region is the count of its parameters, these,
 * the count of its nodes, these, the count of its results, and their numbers. A node is its kind, its site (0 for none,
 * else one more than its place in the table), and each with its count before it: the numbers of its inputs, its bodies,
 * its outputs. A parameter and an output are a number and a type.
 */
const schema = z.strictObject({
  kinds: z.array(z.strictObject({ op: z.string(), attributes: z.record(z.string(), z.unknown()) })),
  types: z.array(z.strictObject({ dtype: z.enum(DTYPES), shape: dims })),
  sites: z.array(z.strictObject({ file: z.string(), line: z.number(), column: z.number() })),
  root: row,
  saves: z.array(z.strictObject({ name: z.string(), value: count })),
});

type PackedGraph = z.infer<typeof schema>;

/** The graph without the data of its operands. Throws a GraphError where `graphToJson` does. */
export function packGraph(graph: InterventionGraph, known?: KnownFunctions): PackedGraph {
  checkIsData(graph, known);
  const kinds = new Table<Node, PackedGraph['kinds'][number]>(
    ({ op, attributes }) => `${op} ${JSON.stringify(attributes)}`,
    ({ op, attributes }) => ({ op, attributes: { ...attributes } }),
  );
  const types = new Table<TensorType, PackedGraph['types'][number]>(
    ({ dtype, shape }) => `${dtype} ${JSON.stringify(shape)}`,
    ({ dtype, shape }) => ({ dtype, shape: shape && [...shape] }),
  );
  const sites = new Table<Site, Site>(
    ({ file, line, column }) => `${line}:${column}:${file}`,
    ({ file, line, column }) => ({ file, line, column }),
  );
  const root: number[] = [];
  const addValues = (values: readonly Value[]) => {
    root.push(values.length);
    for (const { id, type } of values) root.push(id, types.add(type));
  };
  const addIds = (values: readonly Value[]) => {
    root.push(values.length);
    for (const { id } of values) root.push(id);
  };
  const addRegion = ({ parameters, nodes, results }: Region) => {
    addValues(parameters);
    root.push(nodes.length);
    for (const node of nodes) {
      const site = siteOf(node);
      root.push(kinds.add(node), site ? sites.add(site) + 1 : 0);
      addIds(node.inputs);
      root.push(node.regions.length);
      for (const region of node.regions) addRegion(region);
      addValues(node.outputs);
    }
    addIds(results);
  };
  addRegion(graph.root);
  const saves = graph.saves.map(({ name, value }) => ({ name, value: value.id }));
  return { kinds: kinds.entries, types: types.entries, sites: sites.entries, root, saves };
}

/** What is written once, however often it comes. */
class Table<T, Entry> {
  readonly entries: Entry[] = [];
  readonly #places = new Map<string, number>();
  readonly #keyOf: (one: T) => string;
  readonly #entryOf: (one: T) => Entry;

  constructor(keyOf: (one: T) => string, entryOf: (one: T) => Entry) {
    this.#keyOf = keyOf;
    this.#entryOf = entryOf;
  }

  /** Its place. */
  add(one: T): number {
    const key = this.#keyOf(one);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.entries.push(this.#entryOf(one)) - 1;
    this.#places.set(key, place);
    return place;
  }
}

/**
 * Reads a graph that was written by `packGraph`. Nothing in it is trusted: a GraphError says what is wrong, as one of
 * `graphFromJson` does.
 */
export function unpackGraph(json: unknown, operands: readonly GivenOperand[]): InterventionGraph {
  const { success, data, error } = schema.safeParse(json);
  if (!success) throw new GraphError(`This is not an intervention graph: ${z.prettifyError(error)}`);
  return madeGraph((target, values) => new RowReader(data).root(target, values), data.saves, operands);
}

/** Goes through the row of a graph, from its first number to its last. */
class RowReader {
  readonly #packed: PackedGraph;
  /** The attributes of the kinds that were met. */
  readonly #attributes: AttributesOf<Op>[] = [];
  #at = 0;

  constructor(packed: PackedGraph) {
    this.#packed = packed;
  }

  root(target: Region, values: ValuesSoFar): void {
    this.#region(target, values, () => 'root', true);
    const { root } = this.#packed;
    if (this.#at < root.length) throw new GraphError(`root: ${root.length - this.#at} numbers follow its end`);
  }

  #region(target: Region, values: ValuesSoFar, path: Path, isRoot: boolean): void {
    for (let i = this.#count(path); i > 0; i--) {
      target.parameters.push(values.make(this.#made(path), this.#type(path), null, 0, path));
    }
    const nodes = this.#count(path);
    for (let i = 0; i < nodes; i++) {
      const at = () => `${path()}.nodes[${i}]`;
      target.nodes.push(this.#node(values, at, isRoot));
    }
    for (let i = this.#count(path); i > 0; i--) {
      target.results.push(values.find(this.#number(path), () => `${path()}.results`));
    }
  }

  #node(values: ValuesSoFar, at: Path, isRoot: boolean): Node {
    const place = this.#number(at);
    const { op: name, attributes } = entry(this.#packed.kinds, place, 'kind', at);
    const site = this.#number(at);
    const inputs: Value[] = [];
    for (let i = this.#count(at); i > 0; i--) inputs.push(values.find(this.#number(at), at));
    const bodies = this.#count(at);
    const op = operationOf(name, bodies, isRoot, at);
    const regions: Region[] = [];
    for (let k = 0; k < bodies; k++) {
      const inner: Region = { parameters: [], nodes: [], results: [] };
      this.#region(inner, values.body(), () => `${at()}.regions[${k}]`, false);
      regions.push(inner);
    }
    this.#attributes[place] ??= attributesOf(op, attributes, at);
    const outputs: Value[] = [];
    const made = {
      ...{ op, inputs, attributes: this.#attributes[place], regions, outputs },
      site: site === 0 ? null : entry(this.#packed.sites, site - 1, 'site', at),
    } as Node;
    const count = this.#count(at);
    for (let i = 0; i < count; i++) outputs.push(values.make(this.#made(at), this.#type(at), made, i, at));
    return made;
  }

  #number(path: Path): number {
    const { root } = this.#packed;
    if (this.#at === root.length) throw new GraphError(`${path()}: the row of the graph ends within it`);
    return root[this.#at++]!;
  }

  /** How many follow. */
  #count(path: Path): number {
    const count = this.#number(path);
    if (count >= 0 && count <= this.#packed.root.length - this.#at) return count;
    throw new GraphError(`${path()}: the row of the graph has no ${count} more`);
  }

  /** The number of a value that is made. */
  #made(path: Path): number {
    const id = this.#number(path);
    if (id >= 0) return id;
    throw new GraphError(`${path()}: %${id} is no number of a value`);
  }

  #type(path: Path): TensorType {
    return entry(this.#packed.types, this.#number(path), 'type', path);
  }
}

function entry<T>(table: readonly T[], place: number, what: string, path: Path): T {
  const found = table[place];
  if (found === undefined) throw new GraphError(`${path()}: there is no ${what} ${place}`);
  return found;
}
