import { floatAttribute, floatsAttribute, stringAttribute } from './attributes.ts';
import { CONTRIB } from './domains.ts';
import { dtypeName } from './dtypes.ts';
import { FreshNames } from './fresh-names.ts';
import { makeAttribute, makeMetadata, makeNode, makeTensor } from './make.ts';
import { changedNode, type GraphProto, type ModelProto, type NodeProto, type TensorProto } from './proto.ts';
import { moduleOf, type ScaleInFront, scaleBehind, scaleInFront, UNCERTAIN } from './scaled-product.ts';

/**
 * The metadata of a node that stood inside a fused one, between two modules (a residual sum): its name tells nothing of
 * the module that it belongs to, only its neighbours do.
 */
export const BETWEEN = 'onnsight.between_modules';

/**
 * A model with the nodes that ONNX Runtime's optimizer and onnxruntime-genai fuse across modules in their parts: a norm
 * and the residual sum before it, an activation and the bias of the linear layer before it, or that whole layer or
 * convolution, the embeddings and their norm, a product and a number that another module multiplies it by.
 * Then each module's value is a tensor of its own. ONNX Runtime fuses again what nobody reads or writes.
 */
export function withSplitNodes(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph?.node.some(isSplit)) return proto;
  const splitter = new Splitter(graph);
  const node = graph.node.flatMap((one, index) => (isSplit(one) ? splitter.split(one, index) : [one]));
  return { ...proto, graph: { ...graph, node, initializer: [...graph.initializer, ...splitter.constants] } };
}

/** Statistics of a norm (outputs 1 and 2) are made for training alone, and the fused nodes that make them stay. */
function isSplit(node: NodeProto): boolean {
  const { opType, domain, input, output } = node;
  if (domain !== CONTRIB) return false;
  if (opType === 'BiasGelu' || opType === 'FastGelu') return Boolean(input[1]);
  if (opType === 'EmbedLayerNormalization') return true;
  if (opType === 'FusedMatMul') return moduleOf(node) !== null;
  if (opType === 'FusedGemm' || opType === 'FusedConv') return stringAttribute(node, 'activation') !== null;
  return /^Skip(Simplified)?LayerNormalization$/.test(opType) && !output[1] && !output[2];
}

class Splitter {
  readonly constants: TensorProto[] = [];
  readonly #names: FreshNames;
  /** How long the path of a residual sum is where its name is still there, by what it adds, whatever layer that is in. */
  readonly #depths: ReadonlyMap<string, number>;
  readonly #makers: ReadonlyMap<string, NodeProto>;
  readonly #weights: ReadonlyMap<string, TensorProto>;
  readonly #scaledInputs = new Map<string, string>();
  #nodes: NodeProto[] = [];
  /** What the names of new tensors begin with. They have no slashes: those would be read as paths of modules. */
  #prefix = '';

  constructor(graph: GraphProto) {
    this.#names = new FreshNames(graph);
    this.#makers = new Map(graph.node.flatMap((node) => node.output.map((output) => [output, node] as const)));
    this.#weights = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    const skips = graph.node.filter(({ opType }) => opType.startsWith('Skip'));
    this.#depths = new Map(skips.flatMap(depthOfSum));
  }

  /** The nodes that stand for one that is fused. */
  split(node: NodeProto, index: number): NodeProto[] {
    this.#nodes = [];
    this.#prefix = (node.name || `${node.opType}_${index}`).replaceAll('/', ':');
    if (node.opType === 'EmbedLayerNormalization') this.#embeddings(node);
    else if (node.opType === 'BiasGelu' || node.opType === 'FastGelu') this.#activation(node);
    else if (node.opType === 'FusedMatMul') this.#scaled(node);
    else if (node.opType.startsWith('Fused')) this.#activated(node);
    else this.#skipNorm(node);
    return this.#nodes;
  }

  #skipNorm(node: NodeProto): void {
    const isSimplified = node.opType === 'SkipSimplifiedLayerNormalization';
    const [x, skip, gamma] = node.input as [string, string, string];
    const beta = isSimplified ? '' : (node.input[3] ?? '');
    const bias = node.input[isSimplified ? 3 : 4];
    const added = bias ? this.#add('Add', [x, bias], 'bias') : x;
    const sum = node.output[3] || this.#fresh('sum');
    const path = sumPath(sum) ?? this.#pathLikeOthers(x);
    const add = makeNode(
      'Add',
      [added, skip],
      [sum],
      {},
      path === null ? `${this.#prefix}:sum` : `${path}/${this.#prefix}:sum`,
    );
    this.#nodes.push(path === null ? between(add) : add);
    this.#norm(node, isSimplified ? 'SimplifiedLayerNormalization' : 'LayerNormalization', [sum, gamma, beta]);
  }

  /** The last sum of a model is read by its norm alone, so that its name is lost: those of other layers tell. */
  #pathLikeOthers(added: string): string | null {
    const depth = this.#depths.get(inAnyLayer(added));
    return depth === undefined ? null : added.split('/').slice(0, depth).join('/');
  }

  #activation(node: NodeProto): void {
    const [x, bias] = node.input as [string, string];
    const added = this.#add('Add', [x, bias], 'bias', callOf(x, bias));
    const opType = node.opType === 'BiasGelu' ? 'Gelu' : 'FastGelu';
    const made = { ...makeNode(opType, [added], node.output, {}, node.name), domain: CONTRIB };
    this.#nodes.push([node.name, node.output[0]!].some((name) => name.includes('/')) ? made : between(made));
  }

  /** A linear layer or a convolution, what is added to it, and the activation that reads it. */
  #activated(node: NodeProto): void {
    const opType = node.opType.slice('Fused'.length);
    const added = node.input[3] ?? '';
    const isOwn = opType === 'Gemm' || added === '';
    const made = this.#fresh('product');
    const attribute = node.attribute.filter(({ name }) => !name.startsWith('activation'));
    const name = node.name.replace(/^fused /, '');
    const input = opType === 'Gemm' ? node.input : node.input.slice(0, 3);
    this.#nodes.push(changedNode(node, { domain: '', opType, name, input, output: [made], attribute }));
    const sum = isOwn ? made : this.#between('Add', [made, added], 'sum');
    this.#activate(node, sum);
  }

  /** A linear layer's product, and the numbers by which other modules multiply what it reads and what it makes. */
  #scaled(node: NodeProto): void {
    const [x, matrix] = node.input as [string, string];
    const weight = this.#weights.get(matrix);
    const front = scaleInFront(node, weight, (tensor) => this.#makers.get(tensor));
    const behind = scaleBehind(node);
    const rest = floatAttribute(node, 'alpha')! / (front?.factor ?? 1);
    const dtype = dtypeName(weight?.dataType ?? 0) === 'float16' ? 'float16' : 'float32';
    const read = front ? this.#inFront(x, front, dtype) : x;
    const isBehind = behind !== null && rest !== 1;
    const product = isBehind ? this.#fresh('product') : node.output[0]!;
    const others = node.attribute.filter(({ name }) => name !== 'alpha');
    const attribute = isBehind || rest === 1 ? others : [...others, makeAttribute('alpha', { float: rest })];
    this.#nodes.push(changedNode(node, { input: [read, ...node.input.slice(1)], output: [product], attribute }));
    if (isBehind)
      this.#nodes.push(makeNode('Mul', [product, this.#constant('alpha', rest, dtype)], node.output, {}, behind));
  }

  /** What a linear layer reads, once for all layers that read it so. */
  #inFront(x: string, { factor, path, isBetween }: ScaleInFront, dtype: 'float16' | 'float32'): string {
    const known = this.#scaledInputs.get(`${factor} ${x}`);
    if (known !== undefined) return known;
    const made = this.#fresh('scaled');
    const name = path === null ? `${made}${isBetween ? '' : UNCERTAIN}` : `${path}/${made}`;
    const node = makeNode('Mul', [x, this.#constant('factor', factor, dtype)], [made], {}, name);
    this.#nodes.push(path === null ? between(node) : node);
    this.#scaledInputs.set(`${factor} ${x}`, made);
    return made;
  }

  #activate(node: NodeProto, tensor: string): void {
    const activation = stringAttribute(node, 'activation')!;
    const inGemm = ['activation_alpha', 'activation_beta'].flatMap((name) => floatAttribute(node, name) ?? []);
    const [first, second] = floatsAttribute(node, 'activation_params') ?? inGemm;
    const [output] = node.output as [string];
    const isClip = activation === 'Clip';
    const parameters = {
      ...(first !== undefined && { alpha: { float: first } }),
      ...(second !== undefined && { beta: { float: second } }),
    };
    const [, path] = /^(\/.*)_output_0$/.exec(output) ?? [];
    const made = makeNode(
      activation,
      isClip
        ? [tensor, this.#constant('least', first!, 'float32'), this.#constant('most', second!, 'float32')]
        : [tensor],
      [output],
      isClip ? {} : parameters,
      path ?? `${this.#prefix}:activation`,
    );
    this.#nodes.push(path === undefined ? between(made) : made);
  }

  /** Three tables are looked up and added in PyTorch's order. Position ids that are left out count from 0. */
  #embeddings(node: NodeProto): void {
    const [ids, segments, words, positions, kinds, gamma, beta, mask, places] = node.input as string[];
    const at = places || this.#positions(ids!);
    const word = this.#add('Gather', [words!, ids!], 'word');
    const kind = segments ? this.#add('Gather', [kinds!, segments], 'segment') : null;
    const place = this.#add('Gather', [positions!, at], 'position');
    const first = kind === null ? word : this.#between('Add', [word, kind], 'segment_sum');
    const sum = node.output[2] || this.#fresh('sum');
    this.#nodes.push(between(makeNode('Add', [first, place], [sum], {}, `${this.#prefix}:sum`)));
    this.#norm(node, 'LayerNormalization', [sum, gamma!, beta ?? '']);
    const lengths = node.output[1];
    if (lengths) this.#lengths(lengths, mask ?? '', ids!);
  }

  /** The number of tokens of each row that are not masked; 0 without a mask, as the fused node has it. */
  #lengths(output: string, mask: string, ids: string): void {
    const axis = this.#constant('row', [1]);
    const counted = mask || this.#add('Mul', [ids, this.#constant('none', [0], 'int32')], 'no_mask');
    this.#nodes.push(
      makeNode('ReduceSum', [counted, axis], [output], { keepdims: { int: 0 } }, `${this.#prefix}:lengths`),
    );
  }

  #positions(ids: string): string {
    const shape = this.#add('Shape', [ids], 'shape');
    const length = this.#add('Gather', [shape, this.#constant('sequence', 1)], 'length');
    const range = this.#add('Range', [this.#constant('start', 0), length, this.#constant('step', 1)], 'range');
    return this.#between('Unsqueeze', [range, this.#constant('batch', [0])], 'positions');
  }

  /** Fused and plain norms have other defaults. */
  #norm(node: NodeProto, opType: string, inputs: readonly string[]): void {
    const epsilon = { float: floatAttribute(node, 'epsilon') ?? 1e-12 };
    const read = inputs.at(-1) === '' ? inputs.slice(0, -1) : inputs;
    const made = makeNode(opType, read, [node.output[0]!], { axis: { int: -1 }, epsilon }, node.name);
    this.#nodes.push({ ...made, domain: '', metadataProps: node.metadataProps });
  }

  /** @param path of the module that it belongs to, where its inputs do not tell */
  #add(opType: string, inputs: readonly string[], suffix: string, path: string | null = null): string {
    const made = this.#fresh(suffix);
    this.#nodes.push(makeNode(opType, inputs, [made], {}, path === null ? made : `${path}/${made}`));
    return made;
  }

  #between(opType: string, inputs: readonly string[], suffix: string): string {
    const made = this.#add(opType, inputs, suffix);
    this.#nodes.push(between(this.#nodes.pop()!));
    return made;
  }

  #constant(
    suffix: string,
    value: number | readonly number[],
    dtype: 'float16' | 'float32' | 'int32' | 'int64' = 'int64',
  ): string {
    const name = this.#fresh(suffix);
    const dims = typeof value === 'number' ? [] : [value.length];
    this.constants.push(makeTensor(name, dtype, [value].flat(), dims));
    return name;
  }

  #fresh(suffix: string): string {
    return this.#names.take(`${this.#prefix}:${suffix}`);
  }
}

/** The path in an exporter's own name for a sum. onnxruntime-genai gives it the name of the norm, which tells nothing. */
function sumPath(sum: string): string | null {
  return /^(\/.*)\/Add(_\d+)?_output_0$/.exec(sum)?.[1] ?? null;
}

/**
 * The path of the linear layer of whose call the product and the bias are left: `/ffn_1/MatMul_output_0` and `ffn.bias`.
 * The bias alone does not tell which call it is.
 */
function callOf(product: string, bias: string): string | null {
  const [, path, layer] = /^(\/(?:.*\/)?([^/]+))\/[^/]+$/.exec(product) ?? [];
  const owner = bias.split('.').at(-2);
  return path !== undefined && (layer === owner || layer!.replace(/_\d+$/, '') === owner) ? path : null;
}

function depthOfSum({ input, output }: NodeProto): [string, number][] {
  const path = sumPath(output[3] ?? '');
  const added = input[0] ?? '';
  return path !== null && added.startsWith(`${path}/`) ? [[inAnyLayer(added), path.split('/').length]] : [];
}

function inAnyLayer(name: string): string {
  return name.replaceAll(/\d+/g, '#');
}

function between(node: NodeProto): NodeProto {
  return changedNode(node, { metadataProps: makeMetadata({ [BETWEEN]: '' }) });
}
