import type { Links } from '../onnx/links.ts';
import type { GraphProto, NodeProto } from '../onnx/proto.ts';
import { BETWEEN } from '../onnx/split-fused.ts';
import { ancestors } from './draft.ts';
import { settleProducts } from './lost-products.ts';
import { isAnonymous } from './parameters.ts';
import { nodePath, pathOf } from './path-names.ts';
import { isEmbeddingScale, scalesByWidth } from './raised-weights.ts';
import { common, ROOT, type Scope } from './scope.ts';

/**
 * A scope for every node, those of which the names tell nothing among them.
 *
 * - A node that reads a parameter which no other reads is of the parameter's module.
 * - A residual sum, or what else an optimizer had fused with its neighbours, is of the deepest module that contains two of
 *   the nodes around it: both that it adds, or one of these and the norm that reads the sum. A constant of several dims that it
 *   adds is of the module that its name tells (positions, a parameter or folded, are added in the module that has them).
 * - A node that quantizes an activation repeats the activation's name: it belongs to the innermost module around all
 *   readers of its outputs, as every other node without a scope does. A node that turns a quantized tensor back into floats, or a
 *   flattened one back into its dims, belongs to the node that made it.
 */
export function settle(graph: GraphProto, links: Links, told: readonly (Scope | null)[]): Settled {
  const settled = told.map((scope, index) => (/QuantizeLinear$/.test(graph.node[index]!.opType) ? null : scope));
  behindHead(graph, links, settled);
  behindEmbedding(graph, settled);
  // Parameters alone do not make modules.
  if (told.some((scope) => scope !== null)) byParameter(graph, links, settled);
  const lost = settleProducts(graph, links, settled);
  byNeighbours(graph, links, settled);
  byReaders(graph, links, settled);
  return { scopes: settled.map((scope) => scope ?? ROOT), lost };
}

/** Where nodes stand, and those of products that may stand in modules around it. */
interface Settled {
  readonly scopes: readonly Scope[];
  readonly lost: ReadonlySet<number>;
}

/** What scales logits, begins to cap them (by a division), or masks them. */
const OF_LOGITS: ReadonlySet<string> = new Set(['Div', 'Mul', 'Where']);

/**
 * An `lm_head` is a linear layer in PyTorch. What onnxruntime-genai's builder puts behind its product, under its name, is the
 * model's: the scale of the logits (Granite), or the cap on them (Gemma 2).
 */
function behindHead({ node }: GraphProto, links: Links, settled: (Scope | null)[]): void {
  const linear = new Set<number>();
  const behind = new Set<number>();
  /** Products of whole numbers, which are no floats before they are multiplied by their scales. */
  const whole = new Set<number>();
  node.forEach(({ opType, input }, index) => {
    const modules = settled[index]?.modules ?? [];
    if (!modules.some((path) => /(^|\.)lm_head$/.test(path))) return;
    const makers = input.flatMap((name) => links.maker.get(name) ?? []);
    const isRight = /(^|\.)lm_head$/.test(modules.at(-1)!);
    if (isRight && /^(MatMul\w*|Gemm)$/.test(opType)) linear.add(index);
    else if (isRight && opType === 'Add' && makers.some((maker) => linear.has(maker))) linear.add(index);
    // A Cast right behind the product hands its numbers on.
    else if (opType === 'Cast' && makers.some((maker) => linear.has(maker))) linear.add(index);
    else if (opType === 'Mul' && makers.some((maker) => whole.has(maker))) linear.add(index);
    else if (makers.some((maker) => behind.has(maker) || (linear.has(maker) && OF_LOGITS.has(opType))))
      behind.add(index);
    const isWhole = opType === 'Cast' && makers.some((maker) => whole.has(maker));
    if (linear.has(index) && (opType === 'MatMulInteger' || isWhole)) whole.add(index);
  });
  for (const index of behind) settled[index] = ROOT;
}

/** onnxruntime-genai's builder names what scales embeddings after their table; only Gemma's own module does that. */
function behindEmbedding(graph: GraphProto, settled: (Scope | null)[]): void {
  const index = graph.node.findIndex(isEmbeddingScale);
  const scope = settled[index];
  if (scope && !scalesByWidth(graph)) settled[index] = { ...scope, modules: scope.modules.slice(0, -1) };
}

/** Operators that read a parameter of one module, and no other's. */
const OF_ONE_MODULE: ReadonlySet<string> = new Set([
  'Add',
  'Conv',
  'ConvInteger',
  'DynamicQuantizeMatMul',
  'Gather',
  'GatherBlockQuantized',
  'Gemm',
  'LayerNormalization',
  'MatMul',
  'MatMulBnb4',
  'MatMulInteger',
  'MatMulIntegerToFloat',
  'MatMulNBits',
  'SimplifiedLayerNormalization',
]);

function byParameter({ node, initializer }: GraphProto, links: Links, settled: (Scope | null)[]): void {
  const weights = new Set(initializer.filter(({ dims }) => dims.length > 0).map(({ name }) => name));
  const called = new Set(settled.flatMap((scope) => scope?.modules ?? []));
  node.forEach(({ opType, input, output }, index) => {
    if (settled[index] !== null || !OF_ONE_MODULE.has(opType) || isOfBatchNorm(opType, output)) return;
    const own = input.filter(
      (name) => weights.has(name) && !isAnonymous(name) && links.readers.get(name)!.length === 1,
    );
    const [path, ...others] = new Set(own.map((name) => name.slice(0, name.lastIndexOf('.'))));
    if (path === undefined || others.length > 0) return;
    const around = ancestors(path);
    // A list of modules is not called itself.
    const isList = (i: number) => /\.\d+$/.test(around[i + 1] ?? '') && !called.has(around[i]!);
    settled[index] = { modules: around.filter((_, i) => !isList(i)), classes: new Map(), call: null };
  });
}

/**
 * Whether what reads a layer's weights makes the value of the batch norm behind it: the dynamo exporter calls that `getitem`, and
 * what a quantizer makes of the folded node keeps this name alone, with something behind it.
 */
function isOfBatchNorm(opType: string, [made = '']: readonly string[]): boolean {
  return opType !== 'LayerNormalization' && /^getitem(_\d+)?(_output_quantized|_[A-Z]\w*)?$/.test(made);
}

function byNeighbours({ node, initializer }: GraphProto, links: Links, settled: (Scope | null)[]): void {
  const ofConstant = constantScopes(node, initializer, settled);
  node.forEach(({ input, output, metadataProps }, index) => {
    if (settled[index] !== null || !metadataProps.some(({ key }) => key === BETWEEN)) return;
    const scopesOf = (numbers: readonly (number | undefined)[]) =>
      numbers.flatMap((number) => settled[number ?? -1] ?? []);
    const made = [
      ...scopesOf(input.map((name) => links.maker.get(name))),
      ...input.flatMap((name) => ofConstant(name) ?? []),
    ];
    const read = scopesOf(output.flatMap((name) => links.readers.get(name) ?? []));
    const pairs = made.flatMap((one, i) => [...made.slice(i + 1), ...read].map((other) => common(one, other)));
    const around = read.map(({ modules }) => ({ ...ROOT, modules: modules.slice(0, -1) }));
    const [first, ...others] = pairs.length > 0 ? pairs : around;
    if (first !== undefined)
      settled[index] = others.reduce((a, b) => (b.modules.length > a.modules.length ? b : a), first);
  });
}

/** Of initializers of several dims the scope that their names tell: those of parameters, and of what was computed once and for all. */
function constantScopes(
  node: readonly NodeProto[],
  initializer: GraphProto['initializer'],
  settled: readonly (Scope | null)[],
): (name: string) => Scope | null {
  const scopes = new Map<string, Scope>();
  const large = new Set<string>();
  return (name) => {
    if (scopes.size === 0) {
      node.forEach((one, index) => {
        const path = nodePath(one);
        const scope = settled[index];
        if (path !== null && scope && !one.metadataProps.some(({ key }) => key === BETWEEN)) scopes.set(path, scope);
      });
      for (const { name, dims } of initializer) if (dims.length > 1) large.add(name);
    }
    if (!large.has(name)) return null;
    if (!name.includes('/')) return isAnonymous(name) ? null : { ...ROOT, modules: ancestors(name).slice(0, -1) };
    for (let path = pathOf(name); path !== null; path = pathOf(path)) {
      const found = scopes.get(path);
      if (found) return found;
    }
    return null;
  };
}

/** What ONNX Runtime puts behind a product and a sum that it has made one operator of two dims. */
const BACK_IN_SHAPE = /^gemm_output_reshape/;

function byReaders({ node }: GraphProto, links: Links, settled: (Scope | null)[]): void {
  const operator = (index: number) => node[index]?.opType ?? '';
  for (let index = settled.length - 1; index >= 0; index--) {
    if (settled[index] !== null) continue;
    const { opType, name, input, output } = node[index]!;
    const source = links.maker.get(input[0] ?? '') ?? -1;
    const isFloats = opType === 'DequantizeLinear' && operator(source) !== 'QuantizeLinear';
    const isBack = source >= 0 && (isFloats || BACK_IN_SHAPE.test(name));
    const neighbours = isBack ? [source] : output.flatMap((name) => links.readers.get(name) ?? []);
    const around = neighbours.map((neighbour) => settled[neighbour] ?? ROOT);
    settled[index] = around.length === 0 ? ROOT : around.reduce(common);
  }
}
