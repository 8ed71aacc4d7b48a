import { InferenceSession, Tensor } from 'onnxruntime-node';
import { backward, gradientName, seedName } from '../../runtime/gradients/backward.ts';
import { makeGraph, makeModel, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type ModelProto, type NodeProto, type TensorProto } from '../../runtime/onnx/proto.ts';

/** A model of some nodes, with what it is fed. */
export interface Case {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly NodeProto[];
  readonly outputs: readonly string[];
  readonly weights?: readonly TensorProto[];
  readonly opset?: number;
  /** The same as other nodes, for a node that ONNX Runtime computes on other devices only. */
  readonly sameAs?: readonly NodeProto[];
  /** The inputs whose gradients are checked; all floats where it is left out. */
  readonly wanted?: readonly string[];
}

/** What the model's inputs declare: their sizes, only how many they are, or nothing. */
export const DECLARED = ['sizes', 'ranks', 'nothing'] as const;
export type Declared = (typeof DECLARED)[number];

/** Numbers that look random and are the same in every run, from -1 to 1. */
export function numbers(count: number, seed = 1): number[] {
  let state = seed * 2654435761;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 3266489917) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 31 - 1;
  });
}

export function doubles(dims: readonly number[], seed = 1): Tensor {
  return new Tensor('float64', Float64Array.from(numbers(count(dims), seed)), dims);
}

export function floats(dims: readonly number[], seed = 1): Tensor {
  return new Tensor('float32', Float32Array.from(numbers(count(dims), seed)), dims);
}

export function integers(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
}

export function int32s(values: readonly number[], dims: readonly number[] = [values.length]): Tensor {
  return new Tensor('int32', Int32Array.from(values), dims);
}

export function truth(value: boolean): Tensor {
  return new Tensor('bool', [value], []);
}

/**
 * The largest difference between the gradients of a weighted sum of a model's outputs and its central differences, for
 * each input, relative to the largest of these (or to 1). Infinite for a gradient that is not there.
 */
export async function gradientErrors(one: Case, declared: Declared): Promise<Record<string, number>> {
  const model = modelOf(one, declared);
  const forward = await InferenceSession.create(
    encodeModel(one.sameAs ? modelOf({ ...one, nodes: one.sameAs }, declared) : model),
    {
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
    },
  );
  const results = await forward.run(one.inputs);
  const seeds = new Map(
    one.outputs.flatMap((name, i) => (isFloat(results[name]!) ? [[name, seed(results[name]!, i)]] : [])),
  );
  const wanted = one.wanted ?? Object.keys(one.inputs).filter((name) => isFloat(one.inputs[name]!));
  const derivative = backward(model, { seeds: [...seeds.keys()], wanted });
  const gradients = await gradientsOf(derivative, one.inputs, seeds);
  const loss = async (feeds: Readonly<Record<string, Tensor>>) => {
    const made = await forward.run(feeds);
    return [...seeds].reduce((sum, [name, by]) => sum + dot(made[name]!, by), 0);
  };
  const errors: Record<string, number> = {};
  for (const name of wanted) {
    const expected = await differences(one.inputs, name, loss);
    const got = gradients[name] && [...(gradients[name].data as Float32Array)];
    const isSame = gradients[name]?.dims.join() === one.inputs[name]!.dims.join();
    const largest = Math.max(1, ...expected.map(Math.abs));
    errors[name] = isSame ? Math.max(0, ...expected.map((value, i) => Math.abs(value - got![i]!))) / largest : Infinity;
  }
  await forward.release();
  return errors;
}

/** Runs all that is declared in turn, and gives the largest error; NaN counts as one. */
export async function largestError(one: Case, declared: readonly Declared[] = DECLARED): Promise<number> {
  let largest = 0;
  for (const what of declared) {
    for (const error of Object.values(await gradientErrors(one, what))) {
      largest = Math.max(largest, error);
    }
  }
  return largest;
}

export function modelOf({ inputs, nodes, outputs, weights, opset }: Case, declared: Declared): ModelProto {
  const infos = Object.entries(inputs).map(([name, { type, dims }]) =>
    makeValueInfo(name, type as 'float32', { sizes: dims, ranks: dims.map(() => null), nothing: null }[declared]),
  );
  const graph = makeGraph(
    'test',
    nodes,
    infos,
    outputs.map((name) => makeValueInfo(name)),
    weights,
  );
  const model = makeModel(graph, opset ?? 17);
  return {
    ...model,
    opsetImport: [...model.opsetImport, { ...model.opsetImport[0]!, domain: 'com.microsoft', version: 1n }],
  };
}

async function gradientsOf(
  derivative: ReturnType<typeof backward>,
  inputs: Readonly<Record<string, Tensor>>,
  seeds: ReadonlyMap<string, Tensor>,
): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(encodeModel(derivative.model), { logSeverityLevel: 4 });
  const feeds = [
    ...derivative.inputs.map((name) => [name, inputs[name]!] as const),
    ...derivative.seeds.map((name) => [seedName(name), seeds.get(name)!] as const),
  ];
  const results = await session.run(Object.fromEntries(feeds));
  const gradients = derivative.outputs.map((name) => [name, results[gradientName(name)]!] as const);
  await session.release();
  return Object.fromEntries(gradients);
}

/** Central differences of the fourth order, element by element. */
async function differences(
  inputs: Readonly<Record<string, Tensor>>,
  name: string,
  loss: (feeds: Readonly<Record<string, Tensor>>) => Promise<number>,
): Promise<number[]> {
  const { type, data, dims } = inputs[name]!;
  const step = type === 'float64' ? 1e-3 : 2e-2;
  const slopes: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const at = async (shift: number) => {
      const moved = (data as Float64Array).slice();
      moved[i]! += shift;
      return loss({ ...inputs, [name]: new Tensor(type as 'float64', moved, dims) });
    };
    const [near, far] = [(await at(step)) - (await at(-step)), (await at(2 * step)) - (await at(-2 * step))];
    slopes.push((8 * near - far) / (12 * step));
  }
  return slopes;
}

function seed({ type, dims, size }: Tensor, index: number): Tensor {
  const values = numbers(size, 100 + index);
  if (type === 'float64') return new Tensor('float64', Float64Array.from(values), dims);
  return new Tensor('float32', Float32Array.from(values), dims);
}

function dot(a: Tensor, b: Tensor): number {
  const by = b.data as Float64Array;
  return (a.data as Float64Array).reduce((sum, value, i) => sum + value * by[i]!, 0);
}

function isFloat({ type }: Tensor): boolean {
  return type === 'float32' || type === 'float64';
}

function count(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}
