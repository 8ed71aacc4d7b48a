import type { Address } from '../graph/ops.ts';
import type { NarrowContext, RowWiseEnd } from '../graph/passes/narrow.ts';
import type { Locate, Located } from '../lowering/address.ts';
import { layersOf } from '../modules/layers.ts';
import { type Module, walk } from '../modules/module.ts';
import { floatAttribute, intAttribute, intsAttribute, tensorAttribute } from '../onnx/attributes.ts';
import { dtypeName } from '../onnx/dtypes.ts';
import { integerConstants } from '../onnx/integer-constants.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { isTurned } from '../onnx/turned.ts';
import type { Fragment } from './fragment.ts';

const UNARY = new Set(
  'Abs Cast Elu Erf Exp Gelu HardSigmoid Identity LeakyRelu Log Neg Reciprocal Relu Sigmoid Sqrt Tanh'.split(' '),
);
const BINARY = new Set('Add Div Mul Pow Sub'.split(' '));
const NORMALISATIONS = new Set('LayerNormalization RMSNormalization SimplifiedLayerNormalization'.split(' '));

/** Finds the row-wise ends of a model. */
export class RowWiseEnds {
  private readonly model: OnnxModel;
  private readonly tree: Module;
  private readonly known = new Map<string, RowWiseEnd | null>();
  private maps: Maps | null = null;

  constructor(model: OnnxModel, tree: Module) {
    this.model = model;
    this.tree = tree;
  }

  /** The end that makes a tensor, back to the last layer; null where there is none, or none with a matrix product. */
  of(tensor: string): RowWiseEnd | null {
    let end = this.known.get(tensor);
    if (end === undefined) {
      end = this.readers(tensor).length > 0 ? null : this.find(tensor);
      this.known.set(tensor, end);
    }
    return end;
  }

  /** What the passes that narrow a graph have to know of the model. */
  context(locate: Locate): NarrowContext {
    return {
      tensorAt: (address) => locate(address).tensor,
      endOf: (tensor) => this.of(tensor),
      isRowWise: (address) => this.isRowWise(locate(address)),
    };
  }

  /** What enters the ends that make the model's outputs. */
  entries(): string[] {
    return [...this.model.links.outputs].flatMap((tensor) => this.of(tensor)?.entry ?? []);
  }

  /** Whether a fragment is one of the ends, or a part of one. */
  contain({ inputs, outputs }: Pick<Fragment, 'inputs' | 'outputs'>): boolean {
    const end = outputs.map((tensor) => this.of(tensor)).find((found) => found !== null);
    if (!end) return false;
    const isInside = (tensor: string) => end.tensors.has(tensor);
    return outputs.every(isInside) && [...inputs.keys()].every((name) => name === end.entry || isInside(name));
  }

  /** Whether what a module gives when it is called on one value is computed row by row from that value alone. */
  isRowWise({ nodes, inputs: [given], outputs: [made] }: Located): boolean {
    if (given === undefined || made === undefined || made === given) return false;
    this.maps ??= mapsOf(this.model, this.tree);
    const own = new Set(nodes);
    const seen = new Set([made]);
    for (const tensor of seen) {
      if (tensor === given) continue;
      const index = this.model.links.maker.get(tensor);
      if (index === undefined || !own.has(index)) return false;
      if (!isRowWise(this.model.graph.node[index]!, this.model, this.maps)) return false;
      for (const name of this.model.links.reads[index]!) if (!this.model.links.constant.has(name)) seen.add(name);
    }
    return seen.has(given);
  }

  private find(tensor: string): RowWiseEnd | null {
    this.maps ??= mapsOf(this.model, this.tree);
    const nodes = new Set<number>();
    const tensors = new Set<string>();
    const entering = new Set([tensor]);
    const isInside = (name: string) => this.readers(name).every((reader) => nodes.has(reader));
    let hasProduct = false;
    let end: RowWiseEnd | null = null;
    for (;;) {
      // The last of the makers: none of the others needs it.
      const index = Math.max(...[...entering].map((name) => this.model.links.maker.get(name) ?? -1));
      const node = this.model.graph.node[index];
      if (!node || this.maps.layers.has(index) || !node.output.every(isInside)) return end;
      if (!isRowWise(node, this.model, this.maps)) return end;
      nodes.add(index);
      hasProduct ||= node.opType === 'MatMul';
      for (const name of node.output) {
        entering.delete(name);
        tensors.add(name);
      }
      for (const name of this.model.links.reads[index]!) if (!this.model.links.constant.has(name)) entering.add(name);
      const [entry] = entering;
      const address = this.maps.outputs.get(entry!);
      const dtype = dtypeName(this.model.elementTypes.get(entry!) ?? 0);
      if (entering.size === 1 && hasProduct && address && dtype && isInside(entry!)) {
        end = { entry: entry!, dtype, address, tensors: new Set(tensors) };
      }
    }
  }

  private readers(tensor: string): readonly number[] {
    return this.model.links.readers.get(tensor) ?? [];
  }
}

/** What has to be known of a model to tell what is row-wise. */
interface Maps {
  /** The nodes of repeated modules. */
  readonly layers: ReadonlySet<number>;
  /** Where the modules' outputs are found. */
  readonly outputs: ReadonlyMap<string, Address>;
  readonly integers: (tensor: string) => readonly number[];
}

function mapsOf(model: OnnxModel, tree: Module): Maps {
  const outputs = new Map<string, Address>();
  for (const { path, calls } of walk(tree)) {
    calls.forEach((one, call) => {
      // An output that cannot be asked for is no place to write to.
      if (one.order !== 'sure') return;
      one.outputs.forEach((tensor, index) => {
        if (!isTurned(tensor, model)) outputs.set(tensor, { path, port: 'output', index, call });
      });
    });
  }
  return {
    layers: new Set(layersOf(tree).flatMap(({ call }) => call.nodes)),
    outputs,
    integers: integerConstants(model),
  };
}

/** Whether a node leaves the rank as it is and computes each row of that row of its inputs and of constants. */
function isRowWise(node: NodeProto, model: OnnxModel, { integers }: Maps): boolean {
  const { opType, input, output } = node;
  const { constant } = model.links;
  if (output.slice(1).some((name) => name !== '')) return false;
  const [first, ...others] = input;
  const areConstant = (names: readonly string[]) => names.every((name) => name === '' || constant.has(name));
  if (UNARY.has(opType)) return true;
  // A constant of more dimensions may hold other numbers for each row.
  const isForAll = (name: string) => name === '' || (rankOf(name, model) ?? 2) < 2;
  if (BINARY.has(opType)) return input.every((name) => !constant.has(name) || isForAll(name));
  if (!areConstant(others) || constant.has(first!)) return false;
  if (opType === 'MatMul') return rankOf(others[0]!, model) === 2;
  if (NORMALISATIONS.has(opType)) return (intAttribute(node, 'axis') ?? -1) === -1 && others.every(isForAll);
  if (opType === 'Softmax' || opType === 'LogSoftmax') return intAttribute(node, 'axis') === -1;
  if (opType !== 'ReduceMean' || intAttribute(node, 'keepdims') === 0) return false;
  const axes = intsAttribute(node, 'axes') ?? integers(others[0] ?? '');
  return axes.length === 1 && axes[0] === -1;
}

/** The rank of a constant; null where the file does not tell it at once. */
function rankOf(tensor: string, model: OnnxModel): number | null {
  let source = tensor;
  let maker = model.makerOf(source);
  while (maker?.opType === 'Transpose' || maker?.opType === 'Identity' || maker?.opType === 'Cast') {
    source = maker.input[0]!;
    maker = model.makerOf(source);
  }
  const initializer = model.initializers.get(source);
  if (initializer) return initializer.dims.length;
  if (maker?.opType !== 'Constant') return null;
  const isNumber = intAttribute(maker, 'value_int') !== null || floatAttribute(maker, 'value_float') !== null;
  return isNumber ? 0 : (tensorAttribute(maker, 'value')?.dims.length ?? null);
}
