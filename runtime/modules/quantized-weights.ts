import { intAttribute } from '../onnx/attributes.ts';
import type { Coded, Quantized } from '../onnx/dequantize.ts';
import { elementType } from '../onnx/dtypes.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { builtFrom } from './builder-names.ts';
import { type Module, walk } from './module.ts';
import { parameterPaths, parametersByFxName } from './parameters.ts';

/** A module's weight in few bits: what it stands for, and whether PyTorch's has its two dims the other way round. */
export interface QuantizedWeight {
  readonly weight: Quantized | Coded;
  readonly isTurned: boolean;
}

/**
 * What a node reads in few bits. `columns`: it multiplies by the matrix as it is, [in, out], which may be PyTorch's order;
 * `turned`: it is not; `repacked`: it had one of `columns`, and its quantizer has made it [out, in]; `named`: under another
 * name than PyTorch's it is what the exporter has made of several.
 */
interface Read {
  readonly name: 'weight' | 'bias';
  readonly weight: Quantized | Coded;
  readonly layout: 'columns' | 'turned' | 'repacked' | 'named' | 'as it is';
}

/**
 * The weights that the file has in few bits, by their paths. The file's name for the tensor tells whether its dims are
 * PyTorch's: exporters give the matrices that they have transposed a name of their own.
 * @param found the parameters that the file has as PyTorch has them
 */
export function quantizedWeights(
  model: OnnxModel,
  tree: Module,
  found: ReadonlyMap<string, string>,
): ReadonlyMap<string, QuantizedWeight> {
  const weights = new Map<string, QuantizedWeight>();
  if (!model.graph.node.some(({ opType }) => READS_FEW_BITS.test(opType))) return weights;
  const reader = new Reader(model);
  const mayBeFolded = lacksBatchNorms(model.graph);
  const add = (path: string, { weight, layout }: Read) => {
    if (found.has(path)) return;
    const isNamed = tensorOf(weight).startsWith(path);
    if (layout === 'named' && (!isNamed || mayBeFolded)) return;
    const isTurned = layout === 'repacked' ? isNamed : layout === 'turned' || (layout === 'columns' && !isNamed);
    weights.set(path, { weight, isTurned: isTurned && weight.dims.length === 2 });
  };
  // By name first: quantizers of files of the dynamo exporter drop what tells of the modules of the nodes that they replace.
  const paths = parameterPaths(model.graph);
  const reads = model.graph.node.map((node) => reader.readsOf(node));
  reads.forEach((some, node) => {
    for (const read of some) {
      const path = NAMED.exec(tensorOf(read.weight))?.[1] ?? '';
      const built = builtFrom(path, model.graph.node[node]!);
      if (built !== null) add(built, read);
      else if (paths.has(path) || hasModule(tree, path)) add(path, read);
    }
  });
  for (const { path, children, operations } of walk(tree)) {
    if (path === '' || children.size > 0) continue;
    for (const name of ['weight', 'bias'] as const) {
      const own = operations.flatMap(({ node }) => reads[node]!.filter((read) => read.name === name));
      const isOne = new Set(own.map(({ weight }) => tensorOf(weight))).size === 1;
      if (isOne && !weights.has(`${path}.${name}`)) add(`${path}.${name}`, own[0]!);
    }
  }
  return weights;
}

/**
 * Whether a file of the dynamo exporter has lost batch norms that its model had: it multiplies them into convolutions, which
 * keep their names, and a quantizer drops what tells of which.
 */
function lacksBatchNorms(graph: OnnxModel['graph']): boolean {
  const there = new Set(graph.initializer.map(({ name }) => name));
  return [...parametersByFxName(graph).values()].some((path) => path.endsWith('.running_var') && !there.has(path));
}

/** A parameter's path in the name that a quantizer gives to what it has made of it. */
const NAMED = /^(.+\.(?:weight|bias))_(?:quantized$|Q\d|Bnb4)/;

function hasModule(tree: Module, parameter: string): boolean {
  const path = parameter.replace(/\.[^.]*$/, '');
  return [...walk(tree)].some((module) => module.path === path);
}

/** Operators that take numbers of few bits with their scales. */
export const READS_FEW_BITS =
  /^(MatMul(NBits|Bnb4|Integer|IntegerToFloat)|ConvInteger|QLinear(MatMul|Conv)|QGemm|DynamicQuantizeMatMul|GatherBlockQuantized|DequantizeLinear)$/;

/** Operators that leave elements as they are. */
const MOVES = /^(Transpose|Unsqueeze|Squeeze|Reshape|Flatten|Expand|Slice|Identity)$/;

function tensorOf(weight: Quantized | Coded): string {
  return 'codes' in weight ? weight.codes : weight.values;
}

/** The codes of four bits of bitsandbytes, by MatMulBnb4's quant_type. */
const TABLES: readonly (readonly number[])[] = [
  [
    0, 5.208333333e-3, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25, -0, -5.208333333e-3, -0.66666667, -1,
    -0.33333333, -0.5, -0.16666667, -0.25,
  ],
  [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ],
].map((table) => table.map(Math.fround));

class Reader {
  readonly #model: OnnxModel;
  readonly #makers: ReadonlyMap<string, NodeProto>;
  readonly #readers = new Map<string, NodeProto[]>();

  constructor(model: OnnxModel) {
    this.#model = model;
    const { node } = model.graph;
    this.#makers = new Map(node.flatMap((one) => one.output.map((output) => [output, one] as const)));
    for (const one of node) {
      for (const input of one.input) this.#readers.set(input, [...(this.#readers.get(input) ?? []), one]);
    }
  }

  readsOf(node: NodeProto): readonly Read[] {
    const { opType, input } = node;
    const read = this.#read(node);
    if (read) return [read];
    if (/^(MatMul|Gemm|Conv|ConvTranspose)$/.test(opType)) {
      const isRows = opType === 'Gemm' && intAttribute(node, 'transB') === 1;
      const layout = opType.startsWith('Conv') || isRows ? 'named' : 'columns';
      return [...this.#made(input[1], 'weight', layout), ...this.#made(input[2], 'bias', 'named')];
    }
    if (opType === 'Add') return input.flatMap((one) => this.#made(one, 'bias', 'named'));
    if (opType === 'Gather') return [...this.#made(input[0], 'weight', 'as it is'), ...this.#lookedUp(node)];
    return [];
  }

  #read(node: NodeProto): Read | null {
    const { opType, input } = node;
    const columns = this.#wasLinear(node) ? 'turned' : 'columns';
    const byList = (values: number, scales: number, zeros: number, layout: Read['layout']) =>
      this.#listed(input[values], input[scales], input[zeros], layout, layout === columns ? 1 : 0);
    switch (opType) {
      case 'MatMulNBits':
        return this.#blockwise(node);
      case 'MatMulBnb4':
        return this.#coded(node);
      case 'GatherBlockQuantized':
        return this.#table(node);
      case 'MatMulInteger':
        return this.#listed(input[1], this.#scalesBehind(node), input[3], columns, 1);
      case 'ConvInteger':
        return this.#listed(input[1], this.#scalesBehind(node), input[3], 'named', 0);
      case 'MatMulIntegerToFloat':
        return byList(1, 3, 5, columns);
      case 'DynamicQuantizeMatMul':
        return byList(1, 2, 3, columns);
      case 'QLinearMatMul':
        return byList(3, 4, 5, columns);
      case 'QLinearConv':
        return byList(3, 4, 5, 'named');
      case 'QGemm': {
        const isRows = intAttribute(node, 'transB') === 1;
        return this.#listed(input[3], input[4], input[5], isRows ? 'named' : 'columns', isRows ? 0 : 1);
      }
      default:
        return null;
    }
  }

  /**
   * Whether a product was the Gemm of a linear layer: its quantizer has turned the matrix then, under the same name. That of
   * a layer like GPT-2's, whose matrix is [in, out], has a reshape of its own in front.
   */
  #wasLinear({ name, input }: NodeProto): boolean {
    const module = /^(.*\/)Gemm\w*_MatMul/.exec(name)?.[1];
    if (module === undefined) return false;
    let maker = this.#makers.get(input[0]!);
    while (maker && /QuantizeLinear$|^DequantizeLinear$/.test(maker.opType)) maker = this.#makers.get(maker.input[0]!);
    return !(maker?.opType === 'Reshape' && maker.name.startsWith(module));
  }

  /** One scale for all, or one for each place along a dimension. */
  #listed(
    values: string | undefined,
    scales: string | null | undefined,
    zeros: string | undefined,
    layout: Read['layout'],
    axis: number,
    name: Read['name'] = 'weight',
    size = 1,
  ): Read | null {
    const dims = this.#dims(values);
    const scale = this.#dims(scales ?? undefined);
    if (!dims || !scale || (zeros && !this.#dims(zeros))) return null;
    const count = scale.reduce((all, one) => all * one, 1);
    const along = count === 1 && size === 1 ? null : { axis: axis < 0 ? axis + dims.length : axis, size };
    if (along && size === 1 && count !== dims[along.axis]) return null;
    const weight = {
      values: values!,
      scales: scales!,
      zeros: zeros || null,
      dims,
      row: dims.at(-1) ?? 1,
      bits: 0,
      middle: 0,
      along,
      order: null,
    };
    return { name, weight, layout };
  }

  /** What an initializer becomes before a node reads it. */
  #made(tensor: string | undefined, name: Read['name'], layout: Read['layout']): Read[] {
    const maker = this.#makers.get(tensor ?? '');
    if (maker?.opType === 'Transpose') {
      return layout === 'columns' ? this.#made(maker.input[0], name, 'as it is') : [];
    }
    if (maker?.opType !== 'DequantizeLinear') return [];
    const [values, scales, zeros] = maker.input;
    const axis = intAttribute(maker, 'axis') ?? 1;
    const read = this.#listed(values, scales, zeros, layout, axis, name, intAttribute(maker, 'block_size') || 1);
    return read ? [read] : [];
  }

  /** A table of few bits whose rows become floats when they are looked up. */
  #lookedUp({ input, output }: NodeProto): Read[] {
    if (!this.#dims(input[0])) return [];
    const behind = this.#dequantizedBehind(output[0]!);
    const read = behind && this.#listed(input[0], behind.input[1], behind.input[2], 'as it is', 1);
    return read && (read.weight as Quantized).along === null ? [read] : [];
  }

  /** Where a tensor becomes floats, maybe after its elements were moved. */
  #dequantizedBehind(tensor: string): NodeProto | undefined {
    const readers = this.#readers.get(tensor) ?? [];
    const found = readers.find(({ opType }) => opType === 'DequantizeLinear');
    if (found) return found;
    const moved = readers.filter(({ opType, input }) => MOVES.test(opType) && input[0] === tensor);
    for (const { output } of moved) {
      const behind = this.#dequantizedBehind(output[0]!);
      if (behind) return behind;
    }
    return undefined;
  }

  #blockwise(node: NodeProto): Read | null {
    const [, values, scales, zeros, order] = node.input;
    const [rows, columns, size] = ['N', 'K', 'block_size'].map((name) => intAttribute(node, name) ?? 0);
    const bits = intAttribute(node, 'bits') ?? 4;
    if (!this.#dims(values) || !this.#dims(scales) || !rows || !columns || !size) return null;
    const weight = {
      values: values!,
      scales: scales!,
      zeros: zeros || null,
      dims: [rows, columns],
      row: Math.ceil(columns / size) * size,
      bits,
      middle: 2 ** (bits - 1),
      along: { axis: 1, size },
      order: order || null,
    };
    return { name: 'weight', weight, layout: 'repacked' };
  }

  #coded(node: NodeProto): Read | null {
    const [, codes, scales] = node.input;
    const [rows, columns, size] = ['N', 'K', 'block_size'].map((name) => intAttribute(node, name) ?? 0);
    const table = TABLES[intAttribute(node, 'quant_type') ?? 0];
    if (!this.#dims(codes) || !this.#dims(scales) || !rows || !columns || !size || !table) return null;
    return {
      name: 'weight',
      weight: { codes: codes!, scales: scales!, dims: [rows, columns], size, table },
      layout: 'repacked',
    };
  }

  #table(node: NodeProto): Read | null {
    const [values, , scales, zeros] = node.input;
    const [stored, perBlock] = [this.#dims(values), this.#dims(scales)];
    if (!stored || !perBlock || stored.length !== 2) return null;
    const isByte = this.#model.initializers.get(values!)!.dataType === elementType('uint8');
    const bits = isByte ? (intAttribute(node, 'bits') ?? 4) : 0;
    const dims = isByte ? [stored[0]!, (stored[1]! * 8) / bits] : stored;
    const axis = intAttribute(node, 'quantize_axis') ?? 1;
    const size = intAttribute(node, 'block_size') ?? 128;
    const along = { axis: axis < 0 ? axis + 2 : axis, size };
    const middle = isByte ? 2 ** (bits - 1) : 0;
    const weight = {
      values: values!,
      scales: scales!,
      zeros: zeros || null,
      dims,
      row: dims[1]!,
      bits,
      middle,
      along,
      order: null,
    };
    return { name: 'weight', weight, layout: 'as it is' };
  }

  /** The scales of a product of whole numbers: a factor of what it is multiplied by when it has become floats. */
  #scalesBehind({ output }: NodeProto): string | null {
    const casts = (this.#readers.get(output[0]!) ?? []).filter(({ opType }) => opType === 'Cast');
    for (const cast of casts) {
      for (const { opType, input } of this.#readers.get(cast.output[0]!) ?? []) {
        const factor = opType === 'Mul' ? input.find((one) => one !== cast.output[0]) : undefined;
        // The weight's scale stands behind the input's.
        const scale = this.#makers.get(factor ?? '')?.input.findLast((one) => this.#dims(one));
        if (scale !== undefined) return scale;
      }
    }
    return null;
  }

  /** The dims of an initializer; null for what is none. */
  #dims(name: string | undefined): readonly number[] | null {
    return this.#model.initializers.get(name ?? '')?.dims.map(Number) ?? null;
  }
}
