import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { backward, gradientName, seedName } from '../../runtime/gradients/backward.ts';
import type { DType } from '../../runtime/graph/types.ts';
import { makeGraph, makeModel, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type ModelProto, type NodeProto } from '../../runtime/onnx/proto.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';

/** Elements in the order of memory; those of floats are given the float dtype of the run. */
export interface Values {
  readonly dtype: 'float' | 'float32' | 'int64' | 'int32' | 'int8' | 'bool';
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** A small model whose derivative is compared with differences. */
export interface Case {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  /** What the gradients are asked of. */
  readonly inputs: Readonly<Record<string, Values>>;
  readonly constants?: Readonly<Record<string, Values>>;
  /** The output that the loss depends on, 'y' unless told. */
  readonly output?: string;
  readonly opset?: number;
  /** Where the kernel computes in float32 whatever it is given. */
  readonly float?: 'float32';
  /** The inputs whose gradients are asked for: all unless told. */
  readonly wanted?: readonly string[];
  /** What is refused with so little known. */
  readonly refused?: Partial<Record<Knowledge, string>>;
}

/** What the model tells of itself: the sizes of its inputs, only how many these are, not even that, nor its constants. */
export type Knowledge = 'sizes' | 'ranks' | 'nothing' | 'no constants';

export const KNOWLEDGE: readonly Knowledge[] = ['sizes', 'ranks', 'nothing', 'no constants'];

type Float = 'float64' | 'float32' | 'float16';

export function dtypeOf({ dtype }: Values, float: Float): DType {
  return dtype === 'float' ? float : dtype;
}

export function modelOf(one: Case, knowledge: Knowledge, float: Float): ModelProto {
  const isFed = knowledge === 'no constants';
  const constants = Object.entries(one.constants ?? {});
  const fed = [...Object.entries(one.inputs), ...(isFed ? constants : [])];
  const inputs = fed.map(([name, values]) => {
    const dims = { sizes: values.dims, ranks: values.dims.map(() => null), nothing: null, 'no constants': null };
    return makeValueInfo(name, dtypeOf(values, float), dims[knowledge]);
  });
  const kept = isFed ? [] : constants;
  const weights = kept.map(([name, values]) => makeTensor(name, dtypeOf(values, float), values.data, values.dims));
  const output = makeValueInfo(one.output ?? 'y', float);
  return makeModel(makeGraph('case', one.nodes, inputs, [output], weights), one.opset ?? 20);
}

export function session(model: ModelProto): Promise<InferenceSession> {
  return InferenceSession.create(encodeModel(model), { logSeverityLevel: 4, intraOpNumThreads: 1 });
}

export function feed({ dtype, dims, data }: Values, float: Float): OrtTensor {
  const tensor = Tensor.from([...data], dtypeOf({ dtype, dims, data }, float), [...dims]);
  return new OrtTensor(tensor.dtype as 'float32', tensor.raw as Float32Array<ArrayBuffer>, dims);
}

function numbers({ type, dims, data }: OrtTensor): number[] {
  return Array.from(new Tensor(type as 'float32', dims, data as Float32Array<ArrayBuffer>).data, Number);
}

/** Gradients, the sum over the output times a seed being the loss. */
export interface Gradients {
  readonly seed: Values;
  readonly byInput: ReadonlyMap<string, readonly number[]>;
}

/** How far the two points of a difference are from each other, and how near the gradients have to be. */
const STEP = { float64: 1e-6, float32: 1e-2, float16: 1e-1 };
export const TOLERANCE = { float64: 1e-5, float32: 5e-3, float16: 5e-3 };

/** The gradients of a case by central differences of its model. Throws what ONNX Runtime throws for lack of a kernel. */
export async function differences(
  one: Case,
  float: Float,
  seedOf: (dims: readonly number[]) => Values,
): Promise<Gradients> {
  const forward = await session(modelOf(one, 'sizes', float));
  const output = one.output ?? 'y';
  const run = async (changed: string, values: Values) => {
    const feeds = { ...one.inputs, [changed]: values };
    const result = await forward.run(mapped(feeds, float), [output]);
    return result[output]!;
  };
  const [first] = Object.entries(one.inputs);
  const seed = seedOf((await run(...first!)).dims);
  const byInput = new Map<string, number[]>();
  for (const name of one.wanted ?? Object.keys(one.inputs)) {
    const values = one.inputs[name]!;
    const slopes: number[] = [];
    for (const i of values.data.keys()) {
      const moved = (by: number) => ({
        ...values,
        data: values.data.map((value, k) => (k === i ? value + by : value)),
      });
      const [high, low] = [await run(name, moved(STEP[float])), await run(name, moved(-STEP[float]))].map(numbers);
      const change = seed.data.map((weight, k) => weight * (high![k]! - low![k]!)).reduce((a, b) => a + b, 0);
      slopes.push(change / (2 * STEP[float]));
    }
    byInput.set(name, slopes);
  }
  await forward.release();
  return { seed, byInput };
}

function mapped(values: Readonly<Record<string, Values>>, float: Float): Record<string, OrtTensor> {
  return Object.fromEntries(Object.entries(values).map(([name, one]) => [name, feed(one, float)]));
}

export interface Derived {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** The gradients that the derivative of the model gives. */
export async function derived(
  one: Case,
  knowledge: Knowledge,
  float: Float,
  seed: Values,
): Promise<ReadonlyMap<string, Derived>> {
  const output = one.output ?? 'y';
  const wanted = one.wanted ?? Object.keys(one.inputs);
  const made = backward(modelOf(one, knowledge, float), { seeds: [output], wanted });
  const back = await session(made.model);
  const all = { ...one.inputs, ...(knowledge === 'no constants' && one.constants), [seedName(output)]: seed };
  const needed = Object.fromEntries([...made.inputs, ...made.seeds.map(seedName)].map((name) => [name, all[name]!]));
  const results = await back.run(mapped(needed, float), { logSeverityLevel: 4 });
  await back.release();
  return new Map(
    made.outputs.map((name) => {
      const tensor = results[gradientName(name)]!;
      return [name, { dims: tensor.dims, data: numbers(tensor) }];
    }),
  );
}
