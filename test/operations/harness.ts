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

/** The model that the lowering writes of some cases: each with inputs and outputs of its own. */
export function lower(cases: readonly Case[], knowledge: Knowledge, opset: number): Uint8Array {
  const emitter = new ModelEmitter(opset);
  const lowered = cases.map((one, at) => {
    const outputs = infer(one, knowledge);
    const operands = inputTypes(one, knowledge).map((type, i) => ({ name: input(at, i), type }));
    return { results: lowerOperation(one.op, emitter, operands, one.attributes, outputs), outputs };
  });
  const inputs = cases.flatMap((one, at) =>
    one.inputs.map(({ dtype, dims }, i) => ({ name: input(at, i), dtype, rank: dims.length })),
  );
  const results = lowered.flatMap((one) => one.results);
  const outputs = lowered.flatMap((one) => one.outputs);
  return emitter.model(inputs, results, outputs);
}

const input = (at: number, i: number) => `in${at}_${i}`;

/** Runs the model of some cases on their inputs. */
export async function run(model: Uint8Array, cases: readonly Case[]): Promise<readonly (readonly Tensor[])[]> {
  const options = { logSeverityLevel: 4, executionProviders: ['cpu'], intraOpNumThreads: 1 } as const;
  const session = await InferenceSession.create(model, options);
  try {
    const feeds = cases.flatMap(({ inputs }, at) =>
      inputs.map((recorded, i) => [input(at, i), toOrt(toTensor(recorded))] as const),
    );
    const results = await session.run(Object.fromEntries(feeds), { logSeverityLevel: 4 });
    const outputs = session.outputNames.map((name) => fromOrt(results[name]!)).values();
    return cases.map((one) => infer(one, 'all').map(() => outputs.next().value!));
  } finally {
    await session.release();
  }
}

export function toTensor({ dtype, dims, data }: Recorded): Tensor {
  const elements = data.map((element) => (dtype.startsWith('float') ? Number(element) : BigInt(element)));
  return Tensor.from(elements as number[], dtype, dims);
}

function toOrt(tensor: Tensor): OrtTensor {
  return new OrtTensor(tensor.dtype as 'float32', tensor.raw as Float32Array<ArrayBuffer>, tensor.dims);
}

function fromOrt({ type, dims, data }: OrtTensor): Tensor {
  return new Tensor(type as DType, dims, data as Float32Array<ArrayBuffer>);
}
