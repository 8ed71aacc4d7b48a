import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { backward, gradientName, seedName } from '../../runtime/gradients/backward.ts';
import type { ModelProto } from '../../runtime/onnx/proto.ts';
import { CONVOLUTION } from './cases/convolution.ts';
import { ELEMENTWISE } from './cases/elementwise.ts';
import { INDEXING } from './cases/indexing.ts';
import { NORMALISATION } from './cases/normalisation.ts';
import { PRODUCTS } from './cases/products.ts';
import { REDUCTIONS } from './cases/reductions.ts';
import { SHAPES } from './cases/shapes.ts';
import { type Case, feed, modelOf, session, type Values } from './harness.ts';
import { normal } from './values.ts';

type Run = (values: Readonly<Record<string, Values>>) => Promise<ReadonlyMap<string, OrtTensor>>;

/** Runs a model, as far as it needs what it is given. */
async function runner(model: ModelProto, float: 'float64' | 'float32'): Promise<Run> {
  const made = await session(model);
  return async (values) => {
    const feeds = made.inputNames.map((name) => [name, feed(values[name]!, float)] as const);
    return new Map(Object.entries(await made.run(Object.fromEntries(feeds), { logSeverityLevel: 4 })));
  };
}

const dot = (a: ArrayLike<number | bigint>, b: ArrayLike<number>) =>
  Array.from(b).reduce((sum, value, i) => sum + value * Number(a[i]), 0);
const moved = (values: Values, direction: Values, by: number) => ({
  ...values,
  data: values.data.map((value, i) => value + by * direction.data[i]!),
});

/** How the derivative of a case changes along a random direction, by its own derivative and by differences of it. */
async function slopes(one: Case, float: 'float64' | 'float32') {
  const output = one.output ?? 'y';
  const wanted = one.wanted ?? Object.keys(one.inputs);
  const forward = await runner(modelOf(one, 'sizes', float), float);
  const { dims } = (await forward(one.inputs)).get(output)!;
  const first = backward(modelOf(one, 'sizes', float), { seeds: [output], wanted });
  const derivative = await runner(first.model, float);
  const at: Record<string, Values> = { ...one.inputs, [seedName(output)]: normal(...dims) };
  const given = await derivative(at);
  const weights = Object.fromEntries([...given].map(([name, tensor]) => [name, normal(...tensor.dims)]));
  const value = async (values: Record<string, Values>) =>
    [...(await derivative(values))].reduce(
      (sum, [name, { data }]) => sum + dot(data as Float64Array, weights[name]!.data),
      0,
    );
  const second = backward(first.model, {
    seeds: first.outputs.map((name) => gradientName(name)),
    wanted: [...first.inputs.filter((name) => wanted.includes(name)), ...first.seeds.map(seedName)],
    dims: new Map([[seedName(output), dims.map((_, axis) => `size of ${axis}`)]]),
  });
  const seeds = Object.entries(weights).map(([name, values]) => [seedName(name), values] as const);
  const gradients = await (await runner(second.model, float))({ ...at, ...Object.fromEntries(seeds) });
  const along: { name: string; own: number; near: number; far: number }[] = [];
  for (const name of second.outputs) {
    const direction = normal(...at[name]!.dims);
    const difference = async (step: number) =>
      ((await value({ ...at, [name]: moved(at[name]!, direction, step) })) -
        (await value({ ...at, [name]: moved(at[name]!, direction, -step) }))) /
      (2 * step);
    const step = float === 'float64' ? 1e-5 : 1e-2;
    const { data } = gradients.get(gradientName(name, second.order))!;
    const own = dot(data as Float64Array, direction.data);
    along.push({ name, own, near: await difference(step), far: await difference(2 * step) });
  }
  return along;
}

/** Where the derivative jumps, as at a kink, there is no second one: differences grow as their step gets small. */
const isSmooth = ({ near, far }: { near: number; far: number }, tolerance: number) =>
  Math.abs(near - far) <= tolerance * (1 + Math.abs(near));

describe.each(Object.entries({ ELEMENTWISE, PRODUCTS, NORMALISATION, SHAPES, INDEXING, REDUCTIONS, CONVOLUTION }))(
  'the second derivatives of %s are those of differences of the first',
  (_, cases) => {
    it.each(cases.filter(({ refused }) => !refused?.sizes).map((one) => [one.name, one] as const))(
      '%s',
      async (_, one) => {
        const inDoubles = one.float ? null : await slopes(one, 'float64').catch(lacksKernel);
        const found = inDoubles ?? (await slopes(one, 'float32'));
        const tolerance = inDoubles ? 1e-5 : 5e-2;
        for (const slope of found) {
          if (!isSmooth(slope, tolerance)) continue;
          expect(Math.abs(slope.own - slope.near), slope.name).toBeLessThanOrEqual(
            tolerance * (1 + Math.abs(slope.near)),
          );
        }
      },
    );
  },
);

/** ONNX Runtime has some kernels for float32 only. */
function lacksKernel(error: unknown): null {
  if (/Could not find an implementation|Type 'tensor\(double\)'/.test(String(error))) return null;
  throw error;
}
