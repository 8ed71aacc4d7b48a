import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { backward, gradientName, seedName } from '../../runtime/gradients/backward.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { EXPORTERS, reference } from '../support/fixtures.ts';
import { fixtureModel, referenceFeeds, runModel } from '../support/run-model.ts';

/** A gradient of PyTorch: its norm, and the sum of its elements times the cosines of their positions. */
interface Recorded {
  readonly dims: readonly number[];
  readonly norm: number;
  readonly dot: number;
}

type Gradients = Readonly<Record<string, Recorded>>;

/** Of the loss that sums the output times the cosines of the positions. */
const RECORDED: Readonly<Record<string, Expected>> = JSON.parse(
  readFileSync(new URL('../fixtures/gradients/zoo.json', import.meta.url), 'utf8'),
);

interface Expected {
  readonly inputs: Gradients;
  readonly parameters: Gradients;
  /** The names of parameters that are one. */
  readonly tied: readonly (readonly string[])[];
}

function summary({ dims, data }: Tensor): Recorded {
  const elements = data as Float32Array;
  return {
    dims,
    norm: Math.hypot(...elements),
    dot: elements.reduce((sum, value, i) => sum + value * Math.cos(i), 0),
  };
}

/** The matrix that an exporter made of the weight of a Linear. */
function transposed({ dims, data }: Tensor): Tensor {
  const [rows, columns] = dims as [number, number];
  const given = data as Float32Array;
  const turned = Float32Array.from(given, (_, i) => given[(i % rows) * columns + Math.floor(i / rows)]!);
  return new Tensor('float32', turned, [columns, rows]);
}

function isNear(found: Recorded, expected: Recorded): boolean {
  const tolerance = 1e-4 * (expected.norm + 1e-3);
  const isShaped = found.dims.join() === expected.dims.join();
  return isShaped && [found.norm - expected.norm, found.dot - expected.dot].every((off) => Math.abs(off) < tolerance);
}

/** The weights that only one node reads: the exporters merge equal weights, whose gradients add up. */
function ownWeights({ graph }: OnnxModel): readonly string[] {
  const reads = graph.node.flatMap(({ input }) => input);
  return graph.initializer.flatMap(({ name, dataType }) =>
    dataType === 1 && reads.filter((read) => read === name).length === 1 ? [name] : [],
  );
}

/** The gradients of a model of the zoo by some of its tensors. */
async function gradients(model: OnnxModel, name: string, wanted: readonly string[]): Promise<Record<string, Tensor>> {
  const output = model.graph.output[0]!.name;
  const feeds = referenceFeeds(model, reference(name));
  const { dims, size } = (await runModel(model, feeds, [output]))[output]!;
  const made = backward(model.proto, { seeds: [output], wanted });
  const session = await InferenceSession.create(encodeModel(made.model), {
    logSeverityLevel: 4,
    extra: { session: { model_external_initializers_file_folder_path: model.folder } },
  });
  const seed = new Tensor(
    'float32',
    Float32Array.from({ length: size }, (_, i) => Math.cos(i)),
    dims,
  );
  const inputs = Object.fromEntries(made.inputs.map((input) => [input, feeds[input]!]));
  const results = await session.run({ ...inputs, [seedName(output)]: seed });
  await session.release();
  return Object.fromEntries(made.outputs.map((tensor) => [tensor, results[gradientName(tensor)]!]));
}

const FILES = Object.keys(RECORDED).flatMap((name) => EXPORTERS.map((exporter) => [name, exporter] as const));

test.each(FILES)('%s by %s has the gradients of PyTorch', async (name, exporter) => {
  const model = await fixtureModel(`zoo/${name}`, exporter);
  const { inputs, parameters } = RECORDED[name]!;
  const own = ownWeights(model);
  const found = await gradients(model, `zoo/${name}`, [...Object.keys(inputs), ...own]);
  for (const [input, expected] of Object.entries(inputs))
    expect(isNear(summary(found[input]!), expected), input).toBe(true);
  const tied = new Set(expectedTies(RECORDED[name]!, found));
  const single = own.filter((weight) => found[weight] && !tied.has(weight));
  const named = single.filter((weight) => parameters[weight]);
  const wrong = named.filter((weight) => !isNear(summary(found[weight]!), parameters[weight]!));
  expect(wrong).toEqual([]);
  // The matrices that were given another name are weights of Linears, each of which is found once.
  const matrices = single.filter((weight) => !parameters[weight] && found[weight]!.dims.length === 2);
  const matches = matrices.map((weight) => {
    const turned = summary(transposed(found[weight]!));
    return Object.keys(parameters).filter((parameter) => isNear(turned, parameters[parameter]!));
  });
  expect(matches.filter((all) => all.length !== 1)).toEqual([]);
  expect(named.length + matrices.length).toBeGreaterThan(1);
});

/**
 * The weights of a file that are one parameter in PyTorch: a table, and a transposed copy of it beside it. Their gradients
 * have to add up to the parameter's.
 */
function expectedTies({ tied, parameters }: Expected, found: Readonly<Record<string, Tensor>>): readonly string[] {
  return tied.flatMap(([parameter]) => {
    const expected = parameters[parameter!]!;
    const isShaped = (weight: string, dims: readonly number[]) => found[weight]!.dims.join() === dims.join();
    const table = Object.keys(found).find((weight) => isShaped(weight, expected.dims))!;
    const copy = Object.keys(found).find(
      (weight) => !parameters[weight] && isShaped(weight, expected.dims.toReversed()),
    )!;
    const turned = transposed(found[copy]!).data as Float32Array;
    const sum = (found[table]!.data as Float32Array).map((value, i) => value + turned[i]!);
    expect(isNear(summary(new Tensor('float32', sum, expected.dims)), expected), parameter).toBe(true);
    return [table, copy];
  });
}
