import { DEEPEST } from './deepest.ts';
import type { DType } from './dtypes.ts';
import { GraphError } from './error.ts';
import { isHosted } from './forwards.ts';
import type { InterventionGraph } from './graph.ts';
import { OperationError } from './operation.ts';
import { inputCount } from './operations/counts.ts';
import { isTensorNode, outputTypes } from './operations/index.ts';
import type { Op, TensorOp } from './ops.ts';
import { isFloat } from './promotion.ts';
import type { Node, Region, Shape, TensorNode, TensorType, Value } from './types.ts';
import { withRegions } from './walk.ts';

/** Elements that one operation may make out of fewer, as far as the graph says how many: a quarter of a gigabyte. */
const MOST_ELEMENTS = 2 ** 26;

/** Nodes of a graph, those in bodies and operands among them: many more than a block has, and few enough to be compiled in a minute. */
const MOST_NODES = 2 ** 15;

/** Integer operands of at most so many elements may be sizes. */
const MOST_SIZES = 64;

/** What a graph that came as data may ask for. */
export interface GraphLimits {
  /** Elements that one operation may make out of fewer: 2^26 unless given. */
  readonly elements?: number | undefined;
  /** Nodes, those in bodies and operands among them, and saves: 32,768 unless given. */
  readonly nodes?: number | undefined;
}

/** What a graph has that is more than one forward of one model. */
export interface Several {
  readonly forwards: number;
  /** The functions of the library in it, by the values that they give. */
  readonly functions: ReadonlyMap<Value, unknown>;
  /** Operands that get their data when it has run. */
  readonly late: ReadonlySet<Value>;
}

/**
 * Checks that the nodes of a graph that came as data fit together: each operation takes its inputs and makes outputs of
 * the types that the graph says, bodies take and give what their node does, and nothing is larger than a request may
 * ask for. Throws a GraphError that names the node.
 */
export function checkGraph(graph: InterventionGraph, limits: GraphLimits = {}, several: Several | null = null): void {
  const { elements = MOST_ELEMENTS, nodes = MOST_NODES } = limits;
  let count = graph.operands.size;
  for (const _ of withRegions(graph.root.nodes)) count++;
  if (count > nodes) throw new GraphError(`The graph has ${count} nodes, and a request may have ${nodes}.`);
  const saves = graph.saves.length;
  if (saves > nodes) throw new GraphError(`The graph has ${saves} saves, and a request may have ${nodes}.`);
  if (graph.root.parameters.length > 0) throw new GraphError('root: only bodies have parameters');
  for (const [i, { value }] of graph.saves.entries()) {
    if (value.node?.op === 'backward') {
      throw new GraphError(
        `saves[${i}]: a backward pass is no tensor. Save gradients: grad takes the pass and a tensor`,
      );
    }
  }
  new Checker(graph, elements, several).region(graph.root, 'root', 0);
}

class Checker {
  private readonly graph: InterventionGraph;
  /** The types of values, with the sizes that operands give. */
  private readonly types = new Map<Value, TensorType>();
  private readonly mostElements: number;
  private readonly several: Several | null;

  constructor(graph: InterventionGraph, mostElements: number, several: Several | null) {
    this.graph = graph;
    this.several = several;
    this.mostElements = mostElements;
  }

  /** @param hasForwards whether whole forwards may stand in it: not in what a model runs itself */
  region({ nodes }: Region, path: string, depth: number, hasForwards = true): void {
    if (depth > DEEPEST) throw new GraphError(`${path}: more than ${DEEPEST} bodies stand one in another`);
    for (const [i, node] of nodes.entries()) {
      const at = () => `${path}.nodes[${i}] (${node.op})`;
      try {
        if (isTensorNode(node)) this.tensorNode(node);
        else {
          const { graph, several } = this;
          structureRules[node.op](node, { graph, isRoot: depth === 0, hasForwards, several });
        }
      } catch (error) {
        throw new GraphError(`${at()}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
      if (node.op === 'operand' && !this.several?.late.has(node.outputs[0]!)) this.sizes(node.outputs[0]!, node);
      const inForwards = hasForwards && isHosted(node);
      for (const [k, body] of node.regions.entries()) this.region(body, `${at()}.regions[${k}]`, depth + 1, inForwards);
    }
  }

  private tensorNode(node: TensorNode): void {
    const count = inputCount(node.op, node.attributes);
    if (count !== null) checkCounts(node, [count]);
    const inputs = node.inputs.map((value) => this.types.get(value) ?? value.type);
    const types = outputTypes(node.op, inputs, node.attributes);
    const said = node.outputs.map(({ type }) => type);
    if (types.length !== said.length || types.some(({ dtype }, k) => dtype !== said[k]!.dtype)) {
      throw new OperationError(
        `it makes ${types.map(({ dtype }) => dtype).join(', ')}, but the graph says ${said.map(({ dtype }) => dtype).join(', ')}`,
      );
    }
    const largest = inputs.reduce((most, { shape }) => Math.max(most, elements(shape)), 0);
    types.forEach((type, k) => {
      checkShape(said[k]!.shape, type.shape, 'it makes');
      this.types.set(node.outputs[k]!, type);
      const count = elements(type.shape);
      if (count <= this.mostElements || count <= largest) return;
      throw new OperationError(`it would make ${count} elements, and a request may make ${this.mostElements} at once`);
    });
  }

  /** What an operand holds may be the shape of another tensor. */
  private sizes(value: Value, node: Node): void {
    const { dims, data } = this.graph.operands.get(node)!;
    if (!mayBeSizes(value.type.dtype, data.length)) return;
    this.types.set(value, {
      ...value.type,
      shape: dims,
      constant: Array.from(data as ArrayLike<number | bigint>, Number),
    });
  }
}

/** Whether the numbers of an operand are looked at when its graph is checked. */
export function mayBeSizes(dtype: DType, count: number): boolean {
  return /int/.test(dtype) && count <= MOST_SIZES;
}

function elements(shape: Shape): number {
  return shape?.reduce<number>((product, dim) => product * (dim ?? 1), 1) ?? 0;
}

interface Place {
  readonly graph: InterventionGraph;
  readonly isRoot: boolean;
  /** Whether whole forwards may stand there. */
  readonly hasForwards: boolean;
  readonly several: Several | null;
}

type Rule = (node: Node, place: Place) => void;

/** What fits together around each operation that is none on tensors. */
const structureRules: { readonly [O in Exclude<Op, TensorOp>]: Rule } = {
  operand(node, { graph }) {
    checkCounts(node, [0], 1);
    const { type } = node.outputs[0]!;
    checkDTypes([node.attributes as TensorType], [type], 'it makes');
    checkShape(type.shape, graph.operands.get(node)!.dims, 'its data has');
  },
  read(node, place) {
    checkRoot(node, place);
    checkCounts(node, [0], 1);
  },
  write(node, place) {
    checkRoot(node, place);
    checkCounts(node, [1], 0);
  },
  call: checkForward,
  if(node) {
    checkCounts(node, [1]);
    checkDTypes(node.inputs.map(typeOf), [{ dtype: 'bool' }], 'its condition is');
    for (const { parameters, results } of node.regions) {
      checkDTypes(parameters.map(typeOf), [], 'a body takes');
      checkDTypes(results.map(typeOf), node.outputs.map(typeOf), 'a body gives');
    }
  },
  loop(node) {
    const outputs = node.outputs.map(typeOf);
    const [{ parameters, results }] = node.regions as [Region];
    checkDTypes(node.inputs.map(typeOf), [{ dtype: 'int64' }, { dtype: 'bool' }, ...outputs], 'it takes');
    checkDTypes(parameters.map(typeOf), [{ dtype: 'int64' }, ...outputs], 'its body takes');
    checkDTypes(results.map(typeOf), [{ dtype: 'bool' }, ...outputs], 'its body gives');
  },
  forward: checkOpening,
  apply: checkFunction,
  backward: checkGradient,
  grad: checkGradient,
  setgrad: checkGradient,
};

const typeOf = ({ type }: Value) => type;

function checkRoot(node: Node, place: Place): void {
  // Whole traces of a session may stand in a body.
  if (!place.isRoot && !place.several) throw new OperationError('it stands in the root of a graph, not in a body');
  checkForward(node, place);
}

function checkForward(node: Node, { several }: Place): void {
  const { forward } = node.attributes as { readonly forward: number };
  const count = several?.forwards ?? 1;
  if (forward < count) return;
  throw new OperationError(
    several
      ? `there are ${count} forwards, and it is of forward ${forward}`
      : 'a request without a course runs one model, once',
  );
}

function checkOpening(node: Node, place: Place): void {
  checkForward(node, place);
  if (!place.several) throw new OperationError('a request without a course runs one model, once');
  const { inputs } = node.attributes as { readonly inputs: readonly string[] };
  checkCounts(node, [inputs.length], 0);
}

function checkFunction(node: Node, { several }: Place): void {
  const { guarded } = node.attributes as { readonly guarded: boolean };
  checkCounts(node, [1], 1);
  if (guarded || !several?.functions.has(node.outputs[0]!)) throw new OperationError('a function is code, not data');
}

function checkCounts({ inputs, outputs }: Node, takes: readonly number[], gives = outputs.length): void {
  if (!takes.includes(inputs.length)) {
    throw new OperationError(`it takes ${takes.join(' or ')} inputs, but the graph gives ${inputs.length}`);
  }
  if (outputs.length !== gives) throw new OperationError(`it has ${gives} outputs, not ${outputs.length}`);
}

function checkDTypes(
  is: readonly Pick<TensorType, 'dtype'>[],
  wanted: readonly Pick<TensorType, 'dtype'>[],
  what: string,
): void {
  if (is.length === wanted.length && is.every(({ dtype }, i) => dtype === wanted[i]!.dtype)) return;
  const [found, expected] = [is, wanted].map((types) => types.map(({ dtype }) => dtype).join(', ') || 'nothing');
  throw new OperationError(`${what} ${found}, but ${expected} is needed`);
}

function checkShape(said: Shape, is: Shape, what: string): void {
  const fits =
    !said ||
    !is ||
    (said.length === is.length && said.every((dim, i) => dim === null || is[i] === null || dim === is[i]));
  const text = (shape: Shape) => `[${shape!.map((dim) => dim ?? '?').join(', ')}]`;
  if (!fits) throw new OperationError(`${what} dims ${text(is)}, but the graph says ${text(said)}`);
}

/** A gradient has the type of what it is taken by, and belongs to a pass. */
function checkGradient(node: Node, { hasForwards }: Place): void {
  const { op, inputs, outputs } = node;
  if (!hasForwards && op === 'setgrad') {
    throw new OperationError('a gradient is set where whole forwards stand, not in a body that a model runs');
  }
  const counts: Readonly<Record<string, readonly number[]>> = { backward: [1, 2], grad: [2], setgrad: [3] };
  checkCounts(node, counts[op]!, op === 'setgrad' ? 0 : 1);
  const [first, of, gradient] = inputs;
  if (op !== 'backward' && first!.node?.op !== 'backward') {
    throw new OperationError('its first input is not a backward pass');
  }
  const alike = op === 'backward' ? [first, of] : op === 'grad' ? [of, outputs[0]] : [of, gradient];
  const [a, b] = alike.map((value) => value?.type.dtype);
  if (!a || !isFloat(a) || (b && b !== a)) {
    throw new OperationError(
      `a gradient and its tensor are floating-point tensors of one dtype, not ${a}${b ? ` and ${b}` : ''}`,
    );
  }
}
