import { intAttribute } from './attributes.ts';
import { dtypeName, elementType } from './dtypes.ts';
import { FreshNames } from './fresh-names.ts';
import { isGroupQueryAttention } from './group-query.ts';
import { type Attributes, makeNode, makeTensor } from './make.ts';
import { OnnxModel } from './model.ts';
import { changedNode, type NodeProto, type TensorProto } from './proto.ts';

/** A model in which some nodes of another one stand as several. */
export interface Rewritten {
  readonly model: OnnxModel;
  /** The nodes that stand for one of the other model, by its index there. */
  readonly nodesOf: (index: number) => readonly number[];
}

/** The inputs of GroupQueryAttention that have a place for each token: queries, keys, values, positions. */
const BY_TOKEN = [0, 1, 2, 9];
/** The input of GroupQueryAttention that has a place for each pair of tokens. */
const BIAS = 10;
/** The output of GroupQueryAttention that has. */
const SCORES = 3;

/** Whether a model has such nodes that do not get their tokens in front already. */
export function takesTokensInFront(model: OnnxModel): boolean {
  return model.graph.node.some(
    (node) => isGroupQueryAttention(node) && model.makerOf(node.input[0]!)?.opType !== 'GatherND',
  );
}

/** Whether it can be given rows that begin with padding: what it reads can be put in another order. */
export function canGatherRows({ graph }: OnnxModel): boolean {
  // With a cache that slides the operator refuses rows of several lengths.
  const isFree = (node: NodeProto) =>
    !node.input[BIAS] && !node.output[SCORES] && !intAttribute(node, 'sliding_window_cache');
  return graph.node.every((node) => !isGroupQueryAttention(node) || isFree(node));
}

/**
 * A model whose GroupQueryAttention may have padding before the tokens of a row. The operator is told how many tokens each row
 * has, and takes the first ones: it gets them in front, and what it gives goes back to their places, with zeros for padding.
 * Its cache has each row's tokens from the first place on, as the operator goes on from it.
 * @param tokens the input that has a place for each token, of which padding is where the mask is 0
 * @param mask int [batch, past + tokens]
 */
export function withGatheredRows(whole: OnnxModel, tokens: string, mask: string): Rewritten {
  const { graph } = whole;
  const names = new FreshNames(graph);
  const constants: TensorProto[] = [];
  const order = orderOf(names, constants, { tokens, mask });
  const nodes: NodeProto[] = [...order.nodes];
  const places = graph.node.map((node) => {
    const start = nodes.length;
    nodes.push(...(isGroupQueryAttention(node) ? gathered(node, whole, { names, constants, order }) : [node]));
    return Array.from({ length: nodes.length - start }, (_, i) => start + i);
  });
  const initializer = [...graph.initializer, ...constants];
  const model = new OnnxModel({ ...whole.proto, graph: { ...graph, node: nodes, initializer } }, whole);
  return { model, nodesOf: (index) => places[index]! };
}

interface Order {
  readonly nodes: readonly NodeProto[];
  /** Where each row's tokens are, in their order, and its padding behind them: int64 [batch, tokens, 1]. */
  readonly forth: string;
  /** The way back. */
  readonly back: string;
  /** bool [batch, tokens, 1] */
  readonly isToken: string;
}

function orderOf(
  names: FreshNames,
  constants: TensorProto[],
  { tokens, mask }: { readonly tokens: string; readonly mask: string },
): Order {
  const nodes: NodeProto[] = [];
  const number = (name: string, value: number, dims: readonly number[]) => {
    const constant = names.take(`rows:${name}`);
    constants.push(makeTensor(constant, 'int64', [value], dims));
    return constant;
  };
  const add = (op: string, inputs: readonly string[], name: string, attributes: Attributes = {}) => {
    const made = names.take(`rows:${name}`);
    nodes.push(makeNode(op, inputs, [made], attributes, made));
    return made;
  };
  const [zero, one] = [number('zero', 0, []), number('one', 1, [])];
  const [first, last, end] = [number('first', 1, [1]), number('last', -1, [1]), number('end', 2 ** 31, [1])];
  const shape = add('Shape', [tokens], 'shape');
  const count = add('Gather', [shape, one], 'count');
  const counts = add('Gather', [shape, first], 'counts');
  // The mask has places for the cache, too.
  const recent = add('Slice', [mask, add('Neg', [counts], 'start'), end, first], 'recent');
  const isToken = add('Cast', [recent], 'is_token', { to: { int: elementType('bool') } });
  const before = add('Mul', [add('Cast', [isToken], 'tokens', { to: { int: elementType('int64') } }), count], 'before');
  const rank = add('Sub', [before, add('Range', [zero, count, one], 'places')], 'rank');
  const sorted = (ranks: string, name: string, largest: number) => {
    const made = names.take(`rows:${name}`);
    const attributes = { axis: { int: -1 }, largest: { int: largest }, sorted: { int: 1 } };
    nodes.push(makeNode('TopK', [ranks, counts], [names.take(`rows:${name}_ranks`), made], attributes, made));
    return made;
  };
  const forth = sorted(rank, 'forth', 1);
  const back = sorted(forth, 'back', 0);
  const column = (tensor: string, name: string) => add('Unsqueeze', [tensor, last], name);
  return {
    forth: column(forth, 'forth_column'),
    back: column(back, 'back_column'),
    isToken: column(isToken, 'is_token_column'),
    nodes,
  };
}

function gathered(
  node: NodeProto,
  { elementTypes }: OnnxModel,
  parts: { readonly names: FreshNames; readonly constants: TensorProto[]; readonly order: Order },
): NodeProto[] {
  const { names, constants, order } = parts;
  const nodes: NodeProto[] = [];
  const add = (op: string, inputs: readonly string[], what: string, attributes: Attributes = {}) => {
    const made = names.beside(node, what);
    nodes.push(makeNode(op, inputs, [made], attributes, made));
    return made;
  };
  const inRows = { batch_dims: { int: 1 } };
  const input = node.input.map((tensor, i) =>
    tensor !== '' && BY_TOKEN.includes(i) ? add('GatherND', [tensor, order.forth], `rows_${i}`, inRows) : tensor,
  );
  const [output, ...caches] = node.output as [string, ...string[]];
  const made = names.beside(node, 'rows');
  nodes.push(changedNode(node, { input, output: [made, ...caches] }));
  const back = add('GatherND', [made, order.back], 'back', inRows);
  const none = names.beside(node, 'none');
  constants.push(makeTensor(none, dtypeName(elementTypes.get(output) ?? 0) ?? 'float32', [0], []));
  nodes.push(makeNode('Where', [order.isToken, back, none], [output], {}, `${none}:where`));
  return nodes;
}
