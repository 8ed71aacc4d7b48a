import type { Emitter } from '../../runtime/lowering/emitter.ts';
import type { OnnxAttribute } from '../../runtime/onnx/make.ts';
import type { Draw } from './draw.ts';

/** A float32 tensor in the ONNX graph, and its sizes. */
export interface Named {
  readonly name: string;
  readonly dims: readonly number[];
}

/** Writes what exporters write into models, to stand before or behind a block's operations. */
export class ModelWriter {
  private readonly emitter: Emitter;
  readonly draw: Draw;

  constructor(emitter: Emitter, draw: Draw) {
    this.emitter = emitter;
    this.draw = draw;
  }

  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    return this.emitter.node(op, inputs, attributes);
  }

  /** A weight of the model. */
  weight(dims: readonly number[]): string {
    return this.emitter.constant('float32', this.draw.numbers(dims), dims);
  }

  ints(values: readonly number[]): string {
    return this.emitter.constant('int64', values, [values.length]);
  }
}

/** One operator, or a few that exporters write together; null where it does not apply. */
type ModelStep = (x: Named, writer: ModelWriter) => Named | null;

const unary =
  (op: string, attributes: Readonly<Record<string, OnnxAttribute>> = {}): ModelStep =>
  ({ name, dims }, w) => ({ name: w.node(op, [name], attributes), dims });

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

const binary =
  (op: string): ModelStep =>
  ({ name, dims }, w) => {
    const other = w.weight(w.draw.maybe() ? [] : dims.slice(w.draw.int(0, dims.length)));
    return { name: w.node(op, w.draw.maybe() ? [name, other] : [other, name]), dims };
  };

const pool =
  (op: string): ModelStep =>
  ({ name, dims }, w) => {
    if (dims.length !== 4) return null;
    return { name: w.node(op, [name], { kernel_shape: { ints: [1, 1] } }), dims };
  };

const reduction =
  (op: string): ModelStep =>
  ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    const all = dims.map((_, i) => i);
    return { name: w.node(op, [name], { axes: { ints: all }, keepdims: { int: 1 } }), dims: dims.map(() => 1) };
  };

/** Operators of models by name. The operator set is 17. */
export const modelSteps: Readonly<Record<string, ModelStep>> = {
  Relu: unary('Relu'),
  LeakyRelu: unary('LeakyRelu', { alpha: { float: 0.25 } }),
  Elu: unary('Elu'),
  Tanh: unary('Tanh'),
  Sigmoid: unary('Sigmoid'),
  HardSigmoid: unary('HardSigmoid'),
  Erf: unary('Erf'),
  Exp: unary('Exp'),
  Neg: unary('Neg'),
  Identity: unary('Identity'),
  Dropout: unary('Dropout'),
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div'),
  ReduceMean: reduction('ReduceMean'),
  ReduceMax: reduction('ReduceMax'),
  MaxPool: pool('MaxPool'),
  AveragePool: pool('AveragePool'),
  GlobalAveragePool: ({ name, dims }, w) =>
    dims.length === 4 ? { name: w.node('GlobalAveragePool', [name]), dims: [...dims.slice(0, 2), 1, 1] } : null,
  Clip: ({ name, dims }, w) => ({ name: w.node('Clip', [name, w.weight([]), '']), dims }),
  Softmax: ({ name, dims }, w) => (dims.length === 0 ? null : { name: w.node('Softmax', [name]), dims }),
  'Gelu of BERT': ({ name, dims }, w) => {
    const half = w.node('Div', [name, w.weight([])]);
    const gate = w.node('Add', [w.node('Erf', [half]), w.weight([])]);
    return { name: w.node('Mul', [w.node('Mul', [name, gate]), w.weight([])]), dims };
  },
  MatMul: ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    return { name: w.node('MatMul', [name, w.weight([dims.at(-1)!, 3])]), dims: [...dims.slice(0, -1), 3] };
  },
  'MatMul and Add': ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    const result = w.node('MatMul', [name, w.weight([dims.at(-1)!, 3])]);
    return { name: w.node('Add', [w.weight([3]), result]), dims: [...dims.slice(0, -1), 3] };
  },
  'MatMul and scale': ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    const result = w.node('MatMul', [name, w.weight([dims.at(-1)!, 3])]);
    return { name: w.node('Mul', [result, w.weight([])]), dims: [...dims.slice(0, -1), 3] };
  },
  Gemm: ({ name, dims }, w) => {
    if (dims.length !== 2) return null;
    const [transA, transB] = [w.draw.int(0, 1), w.draw.int(0, 1)];
    const inner = dims[transA ? 0 : 1]!;
    const weight = w.weight(transB ? [3, inner] : [inner, 3]);
    const attributes = { transA: { int: transA }, transB: { int: transB }, alpha: { float: 0.5 }, beta: { float: 2 } };
    return { name: w.node('Gemm', [name, weight, w.weight([3])], attributes), dims: [dims[transA ? 1 : 0]!, 3] };
  },
  Conv: ({ name, dims }, w) => {
    if (dims.length !== 3 && dims.length !== 4) return null;
    const weight = w.weight([3, dims[1]!, ...dims.slice(2).map(() => 1)]);
    return { name: w.node('Conv', [name, weight, w.weight([3])]), dims: [dims[0]!, 3, ...dims.slice(2)] };
  },
  'Conv and Relu': ({ name, dims }, w) => {
    if (dims.length !== 4) return null;
    const weight = w.weight([3, dims[1]!, 1, 1]);
    return { name: w.node('Relu', [w.node('Conv', [name, weight])]), dims: [dims[0]!, 3, ...dims.slice(2)] };
  },
  BatchNormalization: ({ name, dims }, w) => {
    if (dims.length < 2) return null;
    const positive = w.node('Abs', [w.weight([dims[1]!])]);
    const [scale, bias, mean] = [w.weight([dims[1]!]), w.weight([dims[1]!]), w.weight([dims[1]!])];
    return { name: w.node('BatchNormalization', [name, scale, bias, mean, positive]), dims };
  },
  LayerNormalization: ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    return { name: w.node('LayerNormalization', [name, w.weight([dims.at(-1)!]), w.weight([dims.at(-1)!])]), dims };
  },
  'a residual and LayerNormalization': ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    const sum = w.node('Add', [name, w.node('Neg', [name])]);
    const shifted = w.node('Add', [sum, name]);
    return { name: w.node('LayerNormalization', [shifted, w.weight([dims.at(-1)!]), w.weight([dims.at(-1)!])]), dims };
  },
  Transpose: ({ name, dims }, w) => {
    const perm = w.draw.shuffled(dims.map((_, i) => i));
    if (dims.length < 2) return null;
    return { name: w.node('Transpose', [name], { perm: { ints: perm } }), dims: perm.map((i) => dims[i]!) };
  },
  Reshape: ({ name, dims }, w) => {
    const target = w.draw.shuffled(dims);
    return { name: w.node('Reshape', [name, w.ints(target)]), dims: target };
  },
  Flatten: ({ name, dims }, w) => {
    const axis = w.draw.int(0, dims.length);
    const target = [product(dims.slice(0, axis)), product(dims.slice(axis))];
    return { name: w.node('Flatten', [name], { axis: { int: axis } }), dims: target };
  },
  Unsqueeze: ({ name, dims }, w) => {
    const axis = w.draw.int(0, dims.length);
    return {
      name: w.node('Unsqueeze', [name, w.ints([axis])]),
      dims: [...dims.slice(0, axis), 1, ...dims.slice(axis)],
    };
  },
  Slice: ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    const axis = w.draw.int(0, dims.length - 1);
    const stop = w.draw.int(1, dims[axis]!);
    const target = dims.map((size, i) => (i === axis ? stop : size));
    return { name: w.node('Slice', [name, w.ints([0]), w.ints([stop]), w.ints([axis])]), dims: target };
  },
  Gather: ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    const axis = w.draw.int(0, dims.length - 1);
    const index = w.ints([0, w.draw.int(0, dims[axis]! - 1)]);
    const target = dims.map((size, i) => (i === axis ? 2 : size));
    return { name: w.node('Gather', [name, index], { axis: { int: axis } }), dims: target };
  },
  Concat: ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    const axis = w.draw.int(0, dims.length - 1);
    const target = dims.map((size, i) => (i === axis ? 2 * size : size));
    return { name: w.node('Concat', [name, w.weight(dims)], { axis: { int: axis } }), dims: target };
  },
  Pad: ({ name, dims }, w) => {
    if (dims.length === 0) return null;
    const pads = dims.map(() => w.draw.int(0, 1));
    const target = dims.map((size, i) => size + 2 * pads[i]!);
    return { name: w.node('Pad', [name, w.ints([...pads, ...pads])]), dims: target };
  },
  Expand: ({ name, dims }, w) => ({ name: w.node('Expand', [name, w.ints([2, ...dims])]), dims: [2, ...dims] }),
  'half and back': ({ name, dims }, w) => {
    const half = w.node('Cast', [name], { to: { int: 10 } });
    return { name: w.node('Cast', [half], { to: { int: 1 } }), dims };
  },
};
