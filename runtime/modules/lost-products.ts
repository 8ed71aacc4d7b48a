import type { Links } from '../onnx/links.ts';
import type { GraphProto } from '../onnx/proto.ts';
import type { CallContext } from './call-context.ts';
import { tellsByMetadata } from './names.ts';
import { isAnonymous, parametersByFxName } from './parameters.ts';
import { common, ROOT, type Scope } from './scope.ts';

/** Products with a weight, and those that quantizers put in their place. */
const PRODUCT =
  /^((Fused)?MatMul|Gemm|Conv|MatMul(NBits|Bnb4|Integer|IntegerToFloat)|ConvInteger|QLinear(MatMul|Conv)|QGemm|DynamicQuantizeMatMul)$/;

/** What quantizers put behind such a product: the floats of its sums, scaled, with its bias. */
const BEHIND = /^(Cast|Mul|Add|Reshape)$/;

/** What hands a tensor's numbers on, rounded, or in another type. */
const HANDS_ON = /^(Cast|Identity|(Dynamic)?QuantizeLinear|DequantizeLinear)$/;

/** A product whose module its file no longer tells, with the nodes that belong to it. */
interface Product {
  readonly nodes: readonly number[];
  /** The scopes of what makes its input, and of what reads its result, where the file tells them; there may be products between. */
  readonly before: Scope | null;
  readonly behind: readonly Scope[];
}

/**
 * Quantizers drop what tells of the modules of the nodes that they replace in files of the dynamo exporter. Such a product
 * stands in a module around its neighbours that the file has lost a weight of; where the module has lost one weight, it is this one's.
 * @param settled the scopes that are known; those that are found are put there
 * @returns the nodes of products that may stand in several modules
 */
export function settleProducts(graph: GraphProto, links: Links, settled: (Scope | null)[]): Set<number> {
  const products = lostProducts(graph, links, settled);
  if (products.length === 0) return new Set();
  const all = lostWeights(graph);
  // A module that other nodes tell of has its weight merged with an equal one.
  const called = new Set(settled.flatMap((scope) => scope?.modules ?? []));
  const lost = new Set([...all].filter((path) => !called.has(path)));
  const left = new Set(products);
  const put = (product: Product, scope: Scope) => {
    for (const index of product.nodes) settled[index] = scope;
    left.delete(product);
  };
  for (const product of products) {
    // What is added to it stands in the module of the weight.
    const own = product.behind.find(({ modules }) => all.has(modules.at(-1) ?? ''));
    if (own === undefined) continue;
    put(product, own);
  }
  const found = placed([...left], lost);
  for (const [path, own] of found) {
    const weights = [...lost].filter((one) => parentOf(one) === path);
    for (const [product, scope] of own) {
      const modules = weights.length === 1 ? [...scope.modules, weights[0]!] : scope.modules;
      put(product, { modules, classes: scope.classes, call: null });
    }
  }
  const untold = new Set([...left].flatMap(({ nodes }) => nodes));
  for (const product of [...left]) {
    // What is known of one side alone does not tell that it stands in there.
    const { before, behind } = product;
    put(product, before === null || behind.length === 0 ? ROOT : behind.reduce(common, before));
  }
  return untold;
}

/**
 * The products in each module that has lost weights, with the module's scope: one that can be in a single module is there, and
 * a module that has as many as it has lost weights takes no more. None where there are more products than that.
 */
function placed(products: readonly Product[], lost: ReadonlySet<string>): Map<string, [Product, Scope][]> {
  const room = new Map<string, number>();
  for (const path of lost) room.set(parentOf(path), (room.get(parentOf(path)) ?? 0) + 1);
  const open = new Map(products.map((product) => [product, scopesAround(product)]));
  const found = new Map<string, [Product, Scope][]>();
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const [product, around] of open) {
      const free = [...around].filter(([path]) => (room.get(path) ?? 0) > 0);
      if (free.length !== 1) continue;
      const [path, scope] = free[0]!;
      found.set(path, [...(found.get(path) ?? []), [product, scope]]);
      room.set(path, room.get(path)! - 1);
      open.delete(product);
      isChanged = true;
    }
  }
  const isDoubtful = [...open.values()].some(
    (around) =>
      [...around.keys()].some((path) => room.has(path)) && ![...around.keys()].some((path) => room.get(path)! > 0),
  );
  return isDoubtful ? new Map() : found;
}

/** The modules around a product's neighbours, by their paths. */
function scopesAround({ before, behind }: Product): Map<string, Scope> {
  const found = new Map<string, Scope>();
  for (const { modules, classes } of before ? [before, ...behind] : behind) {
    found.set('', { modules: [], classes, call: null });
    modules.forEach((path, i) => {
      found.set(path, { modules: modules.slice(0, i + 1), classes, call: null });
    });
  }
  return found;
}

/** The modules whose weights torch.export lists and the file no longer has. */
function lostWeights(graph: GraphProto): Set<string> {
  const modules = new Set(
    [...parametersByFxName(graph).values()].filter((path) => path.endsWith('.weight')).map(pathOf),
  );
  // What a quantizer has made of a weight has its name with something behind it.
  for (const { name } of graph.initializer) if (/\.weight(_|$)/.test(name)) modules.delete(pathOf(name));
  return modules;
}

function pathOf(parameter: string): string {
  return parameter.slice(0, Math.max(0, parameter.lastIndexOf('.')));
}

const parentOf = pathOf;

function lostProducts(graph: GraphProto, links: Links, settled: readonly (Scope | null)[]): Product[] {
  const { node, initializer } = graph;
  if (!tellsByMetadata(node)) return [];
  const weights = new Set(initializer.filter(({ dims }) => dims.length > 1).map(({ name }) => name));
  const isLost = (index: number) =>
    settled[index] === null &&
    PRODUCT.test(node[index]!.opType) &&
    node[index]!.input.some((name) => weights.has(name)) &&
    node[index]!.output.some((name) => !links.constant.has(name));
  const readersOf = (index: number) => links.readers.get(node[index]!.output[0]!) ?? [];
  const scopeBefore = (name: string): Scope | null => {
    const maker = links.maker.get(name);
    if (maker === undefined) return null;
    return settled[maker] ?? scopeBefore(node[maker]!.input[0] ?? '');
  };
  const scopesBehind = (index: number): Scope[] =>
    readersOf(index).flatMap((reader) => {
      const { opType } = node[reader]!;
      const isThrough = isLost(reader) || HANDS_ON.test(opType) || BEHIND.test(opType);
      return settled[reader] ?? (isThrough ? scopesBehind(reader) : []);
    });
  return node.flatMap((_, index): Product[] => {
    if (!isLost(index)) return [];
    const nodes = [index];
    for (let last = index; ; ) {
      const [next, ...others] = readersOf(last);
      if (next === undefined || others.length > 0 || settled[next] !== null || !BEHIND.test(node[next]!.opType)) break;
      nodes.push(next);
      last = next;
    }
    const before = scopeBefore(node[index]!.input[0]!);
    return [{ nodes, before, behind: scopesBehind(nodes.at(-1)!) }];
  });
}

/** Modules of PyTorch and of transformers that have no others in them, by their classes. */
const ALONE =
  /^(ReLU6?|GELU|SiLU|Mish|Tanh|Sigmoid|Softmax|LogSoftmax|ELU|LeakyReLU|Hard\w+|Softplus|LayerNorm|RMSNorm|GroupNorm|BatchNorm\w*|Embedding|\w+Activation|\w*GELU\w*)$/;

/**
 * Whether all that reads what leaves a module are products that may stand in it: it may end behind them. What one of the
 * module's own parameters was last applied to is whole, and so is what has no modules in it.
 */
export function mayGoOn(path: string, output: string, nodes: ReadonlySet<number>, context: CallContext): boolean {
  const { graph, links, lost } = context;
  if (lost.size === 0 || links.outputs.has(output) || isAlone(path, output, context)) return false;
  const isOpen = (name: string): boolean => {
    const readers = (links.readers.get(name) ?? []).filter((reader) => !nodes.has(reader));
    return (
      readers.length > 0 &&
      readers.every((reader) => {
        const { opType, output: made } = graph.node[reader]!;
        return lost.has(reader) || (HANDS_ON.test(opType) && isOpen(made[0]!));
      })
    );
  };
  return isOpen(output);
}

/** Whether what enters a module is made by products that may stand in it, and nothing else reads it. */
export function mayBeginBefore(
  path: string,
  [input]: readonly string[],
  [output]: readonly string[],
  nodes: ReadonlySet<number>,
  context: CallContext,
): boolean {
  const { graph, links, lost } = context;
  if (lost.size === 0 || input === undefined || isAlone(path, output ?? '', context)) return false;
  let maker = links.maker.get(input);
  while (maker !== undefined && !lost.has(maker) && HANDS_ON.test(graph.node[maker]!.opType)) {
    maker = links.maker.get(graph.node[maker]!.input[0]!);
  }
  if (maker === undefined || !lost.has(maker)) return false;
  return (links.readers.get(input) ?? []).every((reader) => nodes.has(reader));
}

function isAlone(path: string, output: string, { graph, links, scopes }: CallContext): boolean {
  const maker = links.maker.get(output);
  if (maker === undefined) return false;
  const isOwn = (name: string) => links.initializers.has(name) && !isAnonymous(name) && pathOf(name) === path;
  return graph.node[maker]!.input.some(isOwn) || ALONE.test(scopes[maker]!.classes.get(path) ?? '');
}
