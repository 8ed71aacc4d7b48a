import { intAttribute, intsAttribute } from '../onnx/attributes.ts';
import { elementType } from '../onnx/dtypes.ts';
import type { GraphProto, NodeProto } from '../onnx/proto.ts';
import { subgraphsOf } from '../onnx/subgraphs.ts';
import { declaredDims } from './declared-dims.ts';
import type { Dim, Dims, Facts } from './facts.ts';

/** The facts about a tensor that enters a body. */
export interface Entering {
  readonly type: number;
  readonly dims: Dims;
}

/** Where the states of a Loop or a Scan stand among the inputs and outputs of its body. */
interface States {
  readonly count: number;
  readonly firstInput: number;
  readonly firstOutput: number;
}

/** The sizes of the outputs of an If: those that its branches agree on. */
export function ifDims(node: NodeProto, facts: Facts): readonly Dims[] {
  const branches = subgraphsOf(node).map((branch) => dimsOfOutputs(branch, facts, []));
  return node.output.map((_, i) => branches.map((dims) => dims[i] ?? null).reduce((a, b) => agreed(a, b, facts)));
}

/** The sizes of the outputs of a Loop: its states, then the stacked ones. */
export function loopDims(node: NodeProto, facts: Facts): readonly Dims[] {
  const body = subgraphsOf(node)[0]!;
  const entering = loopEntering(node, facts);
  const made = dimsOfOutputs(body, facts, entering).slice(1);
  const states = entering.slice(2);
  return node.output.map((_, i) => {
    const state = states[i];
    // Without an iteration a state keeps its first value.
    if (state) return agreed(facts.dims(node.input[i + 2]!), agreed(state.dims, made[i] ?? null, facts), facts);
    return stacked(made[i] ?? null, 0, facts.symbol());
  });
}

/** The sizes of the outputs of a Scan. */
export function scanDims(node: NodeProto, facts: Facts): readonly Dims[] {
  const body = subgraphsOf(node)[0]!;
  const entering = scanEntering(node, facts);
  const made = dimsOfOutputs(body, facts, entering);
  const { count } = scanStates(node);
  const axes = intsAttribute(node, 'scan_output_axes');
  const length = scanLength(node, facts);
  return node.output.map((_, i) =>
    i < count ? (made[i] ?? null) : stacked(made[i] ?? null, axes?.[i - count] ?? 0, length),
  );
}

/** The inputs of the body of a Loop in every iteration. */
export function loopEntering(node: NodeProto, facts: Facts): readonly Entering[] {
  const body = subgraphsOf(node)[0]!;
  const states = node.input.slice(2).map((tensor) => ({ type: facts.type(tensor), dims: facts.dims(tensor) }));
  const entering = [
    { type: elementType('int64'), dims: scalarDims(body, 0, facts) },
    { type: elementType('bool'), dims: scalarDims(body, 1, facts) },
    ...states,
  ];
  return settled(body, facts, entering, { count: states.length, firstInput: 2, firstOutput: 1 });
}

/** The inputs of the body of a Scan at every place. */
export function scanEntering(node: NodeProto, facts: Facts): readonly Entering[] {
  const states = scanStates(node);
  const axes = intsAttribute(node, 'scan_input_axes');
  const entering = node.input.map((tensor, i) => {
    const dims = facts.dims(tensor);
    if (i < states.count) return { type: facts.type(tensor), dims };
    const axis = axes?.[i - states.count] ?? 0;
    return {
      type: facts.type(tensor),
      dims: dims?.filter((_, k) => k !== (axis < 0 ? axis + dims.length : axis)) ?? null,
    };
  });
  return settled(subgraphsOf(node)[0]!, facts, entering, states);
}

function scanStates(node: NodeProto): States {
  return { count: node.input.length - (intAttribute(node, 'num_scan_inputs') ?? 0), firstInput: 0, firstOutput: 0 };
}

function scanLength(node: NodeProto, facts: Facts): Dim {
  const axis = intsAttribute(node, 'scan_input_axes')?.[0] ?? 0;
  return facts.dims(node.input[scanStates(node).count]!)?.at(axis) ?? facts.symbol();
}

/** Loop's counter and condition have no dimensions unless the body declares one. */
function scalarDims({ input }: GraphProto, index: number, facts: Facts): readonly Dim[] {
  return declaredDims(input[index]!, facts)?.map(() => 1) ?? [];
}

/** The inputs of a body the first time, without the sizes that an iteration changes. */
function settled(body: GraphProto, facts: Facts, first: readonly Entering[], states: States): readonly Entering[] {
  const loose = new Set<Dim>();
  const loosen = () => {
    const symbol = facts.symbol();
    loose.add(symbol);
    return symbol;
  };
  const known = first.map(({ type, dims }, i) => ({ type, dims: dims ?? declaredDims(body.input[i]!, facts) }));
  for (let entering: readonly Entering[] = known; ; ) {
    const made = dimsOfOutputs(body, facts, entering);
    const next = entering.map((one, i) => {
      const state = i - states.firstInput;
      if (state < 0 || state >= states.count || !one.dims) return one;
      const dims = made[state + states.firstOutput];
      if (dims?.length !== one.dims.length) return { ...one, dims: null };
      if (one.dims.every((dim, axis) => dim === dims[axis] || loose.has(dim))) return one;
      return { ...one, dims: one.dims.map((dim, axis) => (dim === dims[axis] || loose.has(dim) ? dim : loosen())) };
    });
    if (next.every((one, i) => one === entering[i])) return entering;
    entering = next;
  }
}

function dimsOfOutputs(graph: GraphProto, facts: Facts, entering: readonly Entering[]): readonly Dims[] {
  const inner = facts.inner();
  graph.input.forEach(({ name }, i) => {
    const known = entering[i];
    if (known) inner.set(name, known.type, known.dims);
  });
  inner.learnGraph(graph);
  return graph.output.map((value) => inner.dims(value.name) ?? declaredDims(value, facts));
}

/** The sizes that hold for both of two tensors. */
function agreed(a: Dims, b: Dims, facts: Facts): Dims {
  if (!a || a.length !== b?.length) return null;
  return a.map((dim, i) => (dim === b[i] ? dim : facts.symbol()));
}

/** The sizes of tensors that are stacked along a new axis. */
function stacked(dims: Dims, axis: number, length: Dim): Dims {
  if (!dims) return null;
  const at = axis < 0 ? axis + dims.length + 1 : axis;
  return [...dims.slice(0, at), length, ...dims.slice(at)];
}
