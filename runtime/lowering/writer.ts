import { TraceError } from '../errors.ts';
import { liveNodes } from '../graph/live.ts';
import { OperationError } from '../graph/operation.ts';
import { formatSite, type LazySite, siteOf } from '../graph/site.ts';
import type { DType, Node, NodeOf, Region, Site, Value } from '../graph/types.ts';
import { detached } from '../onnx/detached.ts';
import { elementType } from '../onnx/dtypes.ts';
import { type Attributes, makeGraph, makeNode, makeTensor, makeValueInfo, type OnnxAttribute } from '../onnx/make.ts';
import type { NodeProto, TensorProto, ValueInfoProto } from '../onnx/proto.ts';
import type { Emitter } from './emitter.ts';
import { lowerOperation } from './operations/index.ts';

/** What all regions of one rewritten model share: constants, and names that are not taken. */
export class Names {
  readonly constants: TensorProto[] = [];
  /** How many nodes stand in all regions. */
  nodes = 0;
  private readonly constantNames = new Map<string, string>();
  private count = 0;

  fresh(stem: string): string {
    return `onnsight/${stem}_${this.count++}`;
  }

  constant(dtype: DType, data: readonly number[], dims: readonly number[]): string {
    const key = `${dtype}[${dims}]${data}`;
    let name = this.constantNames.get(key);
    if (name === undefined) {
      name = this.fresh('constant');
      this.constantNames.set(key, name);
      this.constants.push(makeTensor(name, dtype, data, dims));
    }
    return name;
  }
}

/** The site of a node as text; its operation where the site is not known. */
function siteOrOp(node: Node): string {
  const site = siteOf(node);
  return site ? formatSite(site) : node.op;
}

/** How often the body of a loop may run, unless the model was loaded with another number. */
export const MAX_ITERATIONS = 100_000;

/**
 * As many nodes as a program may have besides those of the model. The time in which ONNX Runtime compiles one grows with
 * their square: so many take it some seconds, ten times as many many minutes.
 */
export const MOST_WRITTEN = 15_000;

function tooManyNodes(isInBody: boolean, site: LazySite | Site | null): TraceError {
  const how = isInBody
    ? 'All that stands in a condition or loop over traced values is one program: let it have fewer operations, by a loop that is traced (while) instead of one that is unrolled, or by operations on whole tensors; outside of the condition there may be any number.'
    : 'Where nothing is divided (a bundle, ONNSIGHT_SEGMENTS=off, a backward pass in a body), the operations of a block are one program: use operations on whole tensors, or divide the block.';
  return new TraceError(
    `With this operation a program has more than ${MOST_WRITTEN.toLocaleString('en')} nodes besides the model's own, and ONNX Runtime would take minutes to compile it. ${how}`,
    site,
  );
}

/** How calls of modules are written. */
export type LowerCall = (node: NodeOf<'call'>, inputs: readonly string[], writer: Writer) => readonly string[];

/** How gradients in bodies are written: the name of one. */
export type LowerGradient = (node: NodeOf<'grad'>, writer: Writer) => string;

/** What a writer has of the model around its nodes. */
export interface Lowerers {
  readonly call: LowerCall;
  readonly gradient: LowerGradient;
}

/** A body that is being written. */
interface Body {
  readonly region: Region;
  readonly around: Writer;
}

/** Writes the nodes of one region of the intervention graph as ONNX nodes. */
export class Writer implements Emitter {
  readonly written: NodeProto[] = [];
  readonly opset: number;
  readonly names: Names;
  /** The ONNX names of the graph's values, of this region and of those around it. */
  readonly values: Map<Value, string>;
  /** Null for the root. */
  readonly body: Body | null;
  private readonly lowerers: Lowerers;
  private readonly siteName: (node: Node) => string;
  private readonly maxIterations: number;
  private stem = 'node';
  /** The node that is being written. */
  current: Node | null = null;

  /**
   * @param siteName what the name of an ONNX node says of the site of the graph's node
   * @param maxIterations how often the body of a loop may run
   */
  constructor(
    opset: number,
    names: Names,
    values: Map<Value, string>,
    lowerers: Lowerers,
    siteName: (node: Node) => string = siteOrOp,
    maxIterations = MAX_ITERATIONS,
    body: Body | null = null,
  ) {
    this.body = body;
    this.opset = opset;
    this.names = names;
    this.values = values;
    this.lowerers = lowerers;
    this.siteName = siteName;
    this.maxIterations = maxIterations;
  }

  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    return this.nodesOf(op, inputs, 1, attributes)[0]!;
  }

  nodes(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string[] {
    return this.nodesOf(op, inputs, count, attributes);
  }

  private nodesOf(op: string, inputs: readonly string[], count: number, attributes: Attributes = {}): string[] {
    const outputs = Array.from({ length: count }, () => this.names.fresh(op));
    this.push([makeNode(op, inputs, outputs, attributes, this.nodeName())]);
    return outputs;
  }

  /** A node that fails with a message of its own (`runError`): its name begins with what it checks. */
  checking(check: string, op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = this.names.fresh(op);
    this.push([makeNode(op, inputs, [output], attributes, `${check}:${this.nodeName()}`)]);
    return output;
  }

  /** Adds nodes as they are. Throws a TraceError, at the operation that is being written, where they are too many. */
  push(nodes: readonly NodeProto[]): void {
    this.names.nodes += nodes.length;
    if (this.names.nodes > MOST_WRITTEN) throw tooManyNodes(this.body !== null, this.current?.site ?? null);
    for (const node of nodes) this.written.push(node);
  }

  detach(name: string): string {
    const copy = this.node('Identity', [name]);
    this.written.push(detached(this.written.pop()!));
    return copy;
  }

  /** A name for a node. It carries the user's site, so that an error of the run can be told in the user's terms. */
  nodeName(): string {
    return `${this.names.fresh('at')}:${this.stem}`;
  }

  constant(dtype: DType, data: readonly number[], dims: readonly number[] = []): string {
    return this.names.constant(dtype, data, dims);
  }

  cast(name: string, from: DType, to: DType): string {
    return from === to ? name : this.node('Cast', [name], { to: { int: elementType(to) } });
  }

  /** The ONNX name of a value that was written before. */
  name(value: Value): string {
    const name = this.values.get(value);
    if (name === undefined) throw new Error(`The value %${value.id} was not written before its use.`);
    return name;
  }

  /** Writes one node. */
  write(node: Node): void {
    this.stem = this.siteName(node);
    this.current = node;
    const inputs = node.inputs.map((value) => this.name(value));
    const outputs = this.lowerChecked(node, inputs);
    node.outputs.forEach((value, i) => {
      const name = outputs[i]!;
      // Two values are two tensors, even where one is only a copy of the other: each has a gradient of its own.
      this.values.set(value, inputs.includes(name) ? this.node('Identity', [name]) : name);
    });
  }

  private lowerChecked(node: Node, inputs: readonly string[]): readonly string[] {
    try {
      return this.lower(node, inputs);
    } catch (error) {
      if (error instanceof OperationError) throw new TraceError(`${node.op}: ${error.message}`, node.site);
      throw error;
    }
  }

  private lower(node: Node, inputs: readonly string[]): readonly string[] {
    switch (node.op) {
      case 'if': {
        const [then, otherwise] = node.regions.map((region) => this.writeBody(region, []));
        return this.nodesOf('If', inputs, node.outputs.length, {
          then_branch: { graph: then! },
          else_branch: { graph: otherwise! },
        });
      }
      case 'loop': {
        const [region] = node.regions;
        const [index, ...carried] = region!.parameters;
        const condition = this.names.fresh('condition');
        const parameters = [index!, ...carried].map((value) => {
          const name = this.names.fresh('parameter');
          this.values.set(value, name);
          return makeValueInfo(name, value.type.dtype, value.type.shape?.length === 0 ? [] : null);
        });
        const [trip, first, ...initial] = inputs;
        // ONNX Runtime reads one element of these, whether it is there or not.
        const start = [trip!, first!].map((name) =>
          this.checking('one', 'Reshape', [name, this.constant('int64', [], [0])]),
        );
        const body = this.writeBody(
          region!,
          [parameters[0]!, makeValueInfo(condition, 'bool', []), ...parameters.slice(1)],
          (inner, [goesOn, ...carry]) => [inner.within(goesOn!, parameters[0]!.name), ...carry],
        );
        return this.nodesOf('Loop', [...start, ...initial], node.outputs.length, { body: { graph: body } });
      }
      case 'call':
        return this.lowerers.call(node, inputs, this);
      case 'backward':
        // Its gradients say what there is to write.
        return [''];
      case 'grad':
        return [this.lowerers.gradient(node, this)];
      case 'operand':
      case 'read':
      case 'write':
      case 'forward':
      case 'apply':
      case 'setgrad':
        throw new Error(`A node '${node.op}' cannot be written by itself.`);
      default:
        return lowerOperation(
          node.op,
          this,
          node.inputs.map(({ type }, i) => ({ name: inputs[i]!, type })),
          node.attributes,
          node.outputs.map(({ type }) => type),
        );
    }
  }

  /** Whether a loop goes on, which has one element; fails in an iteration that is one too many. */
  private within(goesOn: string, iteration: string): string {
    const one = this.checking('one', 'Reshape', [goesOn, this.constant('int64', [1], [1])]);
    const limit = this.maxIterations;
    const tooMany = this.node('Div', [iteration, this.constant('int64', [limit])]);
    return this.checking(`iterations=${limit}`, 'Gather', [one, tooMany], { axis: { int: 0 } });
  }

  private writeBody(
    region: Region,
    inputs: readonly ValueInfoProto[],
    change: (inner: Writer, results: readonly string[]) => readonly string[] = (_, results) => results,
  ) {
    const { opset, names, values, lowerers, siteName, maxIterations } = this;
    const body = { region, around: this };
    const inner = new Writer(opset, names, values, lowerers, siteName, maxIterations, body);
    for (const node of liveNodes(region)) inner.write(node);
    // A result must be made by a node of the region itself, and only once.
    inner.stem = this.stem;
    const results = change(
      inner,
      region.results.map((value) => inner.name(value)),
    );
    const outputs = region.results.map(({ type }, i) =>
      makeValueInfo(inner.node('Identity', [results[i]!]), type.dtype),
    );
    return makeGraph(this.names.fresh('body'), inner.written, inputs, outputs);
  }
}
