import { asProxy } from '../../runtime/functions/nodes.ts';
import { cast } from '../../runtime/functions/promotion.ts';
import type { AttributesOf, TensorOp } from '../../runtime/graph/ops.ts';
import type { DType, Value } from '../../runtime/graph/types.ts';
import type { Emitter } from '../../runtime/lowering/emitter.ts';
import { lowerOperation } from '../../runtime/lowering/operations/index.ts';
import { elementType } from '../../runtime/onnx/dtypes.ts';
import {
  makeGraph,
  makeModel,
  makeNode,
  makeRawTensor,
  makeTensor,
  makeValueInfo,
  type OnnxAttribute,
} from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto, type TensorProto, type ValueInfoProto } from '../../runtime/onnx/proto.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';
import { Builder, withBuilder } from '../../runtime/tracing/builder.ts';
import { inner } from '../../runtime/tracing/hidden.ts';
import type { Traced } from '../../runtime/types/tensor.ts';
import { Draw } from './draw.ts';
import { ModelWriter, modelSteps } from './model-steps.ts';
import { dimsOf, steps } from './steps.ts';

/** A short program: operators of a model, then operations of a block, then operators of a model, by name. */
export interface Program {
  readonly before: string | null;
  readonly steps: readonly string[];
  readonly after: string | null;
  /** The number of dimensions of the tensor that it begins with. */
  readonly rank: number;
  readonly seed: number;
}

export const title = ({ before, steps: names, after, rank, seed }: Program): string =>
  `${[before && `[${before}]`, ...names, after && `[${after}]`].filter(Boolean).join(' → ')} (rank ${rank}, seed ${seed})`;

/** What ONNX Runtime is told of the operands: their sizes, only how many dimensions they have, or their elements. */
export type Operands = 'sizes' | 'ranks' | 'constants';

export interface Written {
  readonly model: Uint8Array;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** Thrown where the steps of a program do not fit together. */
export class DoesNotApply extends Error {}

/** Collects nodes; names begin with that of the program, so that several share a model. */
class Writer implements Emitter {
  readonly opset = 17;
  readonly nodesWritten: NodeProto[] = [];
  readonly constants: TensorProto[] = [];
  private readonly prefix: string;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, OnnxAttribute>> = {}): string {
    return this.nodes(op, inputs, 1, attributes)[0]!;
  }

  nodes(op: string, inputs: readonly string[], count: number, attributes = {}): string[] {
    const outputs = Array.from({ length: count }, (_, i) => `${this.prefix}n${this.nodesWritten.length}_${i}`);
    this.nodesWritten.push(makeNode(op, inputs, outputs, attributes));
    return outputs;
  }

  checking(
    _: string,
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    return this.node(op, inputs, attributes);
  }

  detach(name: string): string {
    return this.node('Identity', [name]);
  }

  constant(dtype: DType, data: readonly number[], dims: readonly number[] = []): string {
    const name = `${this.prefix}c${this.constants.length}`;
    this.constants.push(makeTensor(name, dtype, data, dims));
    return name;
  }

  cast(name: string, from: DType, to: DType): string {
    return from === to ? name : this.node('Cast', [name], { to: { int: elementType(to) } });
  }
}

/** One program as nodes of a model. */
interface Part {
  readonly nodes: readonly NodeProto[];
  readonly constants: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly output: string;
}

function write(program: Program, operands: Operands, prefix: string): Part {
  const draw = new Draw(program.seed);
  const writer = new Writer(prefix);
  const models = new ModelWriter(writer, draw);
  const builder = new Builder();
  return withBuilder(builder, () => {
    const first = draw.tensor(draw.dims(program.rank));
    const given = program.before === null ? null : made(program.before, first, models, `${prefix}x`);
    let x = given === null ? first : draw.tensor(given.dims);
    const start = asProxy(x)[inner].value();
    for (const name of program.steps) {
      const next = steps[name]!(cast(x, 'float32'), draw);
      if (next === null) throw new DoesNotApply(name);
      x = next;
    }
    const result = asProxy(cast(x, 'float32'))[inner].value();
    const inputs: ValueInfoProto[] = [];
    const feeds: Record<string, Tensor> = {};
    const names = new Map<Value, string>();
    const declare = (name: string, tensor: Tensor): void => {
      if (operands === 'constants') {
        writer.constants.push(makeRawTensor(name, tensor.dtype, tensor.raw, tensor.dims));
        return;
      }
      inputs.push(makeValueInfo(name, tensor.dtype, operands === 'sizes' ? tensor.dims : tensor.dims.map(() => null)));
      feeds[name] = tensor;
    };
    for (const node of builder.graph.root.nodes) {
      const [output] = node.outputs;
      if (node.op === 'operand') {
        const { dims, data } = builder.graph.operands.get(node)!;
        const tensor = new Tensor(output!.type.dtype, dims, data as Float32Array<ArrayBuffer>) as unknown as Tensor;
        const isStart = output === start && given !== null;
        names.set(output!, isStart ? given.name : `${prefix}in${output!.id}`);
        if (output === asProxy(first)[inner].value())
          declare(given === null ? names.get(output!)! : `${prefix}x`, tensor);
        else if (!isStart) declare(names.get(output!)!, tensor);
        continue;
      }
      const types = node.outputs.map(({ type }) => type);
      const named = node.inputs.map((value) => ({ name: names.get(value)!, type: value.type }));
      const written = lowerOperation(
        node.op as TensorOp,
        writer,
        named,
        node.attributes as AttributesOf<TensorOp>,
        types,
      );
      for (const [i, name] of written.entries()) names.set(node.outputs[i]!, name);
    }
    let output = names.get(result)!;
    if (program.after !== null) {
      const shape = result.type.shape;
      if (!shape || shape.includes(null)) throw new DoesNotApply(program.after);
      const after = modelSteps[program.after]!({ name: output, dims: shape.map(Number) }, models);
      if (after === null) throw new DoesNotApply(program.after);
      output = after.name;
    }
    return { nodes: writer.nodesWritten, constants: writer.constants, inputs, feeds, output };
  });
}

function made(name: string, x: Traced, models: ModelWriter, input: string) {
  const result = modelSteps[name]!({ name: input, dims: dimsOf(x) }, models);
  if (result === null) throw new DoesNotApply(name);
  return result;
}

/** The model of some programs beside one another; output number i is that of program i. Null for those that do not apply. */
export function modelOf(
  programs: readonly Program[],
  operands: Operands,
): Written & { readonly applied: readonly boolean[] } {
  const parts = programs.map((program, i) => {
    try {
      return write(program, operands, `p${i}_`);
    } catch (error) {
      if (error instanceof DoesNotApply || (error as Error).name === 'TraceError') return null;
      throw error;
    }
  });
  const kept = parts.flatMap((part, i) => (part ? [{ ...part, name: `out${i}` }] : []));
  const graph = makeGraph(
    'programs',
    [...kept.flatMap(({ nodes }) => nodes), ...kept.map(({ output, name }) => makeNode('Identity', [output], [name]))],
    kept.flatMap(({ inputs }) => inputs),
    kept.map(({ name }) => makeValueInfo(name, 'float32')),
    kept.flatMap(({ constants }) => constants),
  );
  return {
    model: encodeModel(makeModel(graph, 17)),
    feeds: Object.assign({}, ...kept.map(({ feeds }) => feeds)),
    applied: parts.map((part) => part !== null),
  };
}
