import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { outputTypes } from '../../runtime/graph/operations/index.ts';
import type { DType, TensorType } from '../../runtime/graph/types.ts';
import { lowerOperation } from '../../runtime/lowering/operations/index.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';
import type { Case, Recorded } from './cases.ts';
import { ModelEmitter } from './model.ts';

/** How much of the inputs is known before the run: operands are the whole numbers that the user wrote. */
export type Knowledge = 'all' | 'operands' | 'ranks' | 'first rank unknown';

/** The elements that a proxy knows of its operand: those of small whole-number tensors. */
function constantOf({ dtype, data }: Recorded): readonly number[] | null {
  const known = (dtype === 'int64' || dtype === 'int32') && data.every((element) => typeof element === 'number');
  return known ? (data as readonly number[]) : null;
}

export function inputTypes({ inputs }: Case, knowledge: Knowledge): readonly TensorType[] {
  return inputs.map((recorded, i): TensorType => {
    const { dtype, dims } = recorded;
    if (knowledge === 'first rank unknown' && i === 0 && dims.length > 0) return { dtype, shape: null };
    const constant = constantOf(recorded);
    const isActivation = i === 0 || constant === null;
    if (knowledge !== 'all' && (knowledge !== 'operands' || isActivation))
      return { dtype, shape: dims.map(() => null) };
    return { dtype, shape: dims, ...(constant && { constant }) };
  });
}

export function infer(one: Case, knowledge: Knowledge): readonly TensorType[] {
  return outputTypes(one.op, inputTypes(one, knowledge), one.attributes);
}

/** The one-operation model that the lowering writes. */
export function lower(one: Case, knowledge: Knowledge, opset: number): Uint8Array {
  const types = inputTypes(one, knowledge);
  const outputs = infer(one, knowledge);
  const emitter = new ModelEmitter(opset);
  const operands = types.map((type, i) => ({ name: `in${i}`, type }));
  const results = lowerOperation(one.op, emitter, operands, one.attributes, outputs);
  const inputs = one.inputs.map(({ dtype, dims }, i) => ({ name: `in${i}`, dtype, rank: dims.length }));
  return emitter.model(inputs, results, outputs);
}

/** Runs a one-operation model on the inputs of its case. */
export async function run(model: Uint8Array, { inputs }: Case): Promise<readonly Tensor[]> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 4, executionProviders: ['cpu'] });
  const feeds = Object.fromEntries(inputs.map((recorded, i) => [`in${i}`, toOrt(toTensor(recorded))]));
  const results = await session.run(feeds, { logSeverityLevel: 4 });
  const outputs = session.outputNames.map((name) => results[name]!);
  await session.release();
  return outputs.map(({ type, dims, data }) => new Tensor(type as DType, dims, data as Float32Array<ArrayBuffer>));
}

export function toTensor({ dtype, dims, data }: Recorded): Tensor {
  const elements = data.map((element) => (dtype.startsWith('float') ? Number(element) : BigInt(element)));
  return Tensor.from(elements as number[], dtype, dims);
}

function toOrt(tensor: Tensor): OrtTensor {
  return new OrtTensor(tensor.dtype as 'float32', tensor.raw as Float32Array<ArrayBuffer>, tensor.dims);
}
