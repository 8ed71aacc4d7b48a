import { cos, cumsum, flatten, grad, onesLike, save, sum } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { parameters } from '../../runtime/modules/parameters.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import type { Traced } from '../../runtime/types/tensor.ts';
import { loadEachWay } from '../execution/ways.ts';
import { EXPORTERS } from '../support/fixtures.ts';
import { fixtureModel } from '../support/run-model.ts';
import { inputsOf, type Loaded, loadZoo, readable, ZOO, zooReference } from '../zoo/zoo.ts';
import { type Expected, expectGradient, fixture } from './pytorch.ts';

/** The gradients of sum(output[i] · cos(i)) in PyTorch. */
interface Recorded {
  readonly inputs: Readonly<Record<string, Expected>>;
  readonly parameters: Readonly<Record<string, Expected>>;
  readonly modules: Readonly<Record<string, readonly Expected[]>>;
}

const recorded = fixture('zoo') as unknown as Readonly<Record<string, Recorded>>;

/** How many parameters stand in the files under their names. */
const NAMED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  bert: { ts: 25, dynamo: 14 },
  cnn: { ts: 6, dynamo: 6 },
  gpt2: { ts: 28, dynamo: 20 },
  llama: { ts: 6, dynamo: 6 },
  mlp: { ts: 4, dynamo: 4 },
  rnn: { ts: 4, dynamo: 4 },
  sae: { ts: 2, dynamo: 2 },
  'sigmoid-mlp': { ts: 4, dynamo: 4 },
  vit: { ts: 26, dynamo: 15 },
};

/** Weights that keep the name of a parameter, but have a BatchNorm folded into them. */
const FOLDED: Readonly<Record<string, readonly string[]>> = {
  cnn: ['stem.0.weight', 'stem.0.bias'],
};

/** What a gradient is taken by, in a trace. */
interface Place {
  readonly name: string;
  readonly read: (model: Loaded) => Traced;
  readonly expected: Expected;
}

function placesOf(name: string): Place[] {
  const { inputs, modules } = recorded[name]!;
  const floats = new Set(Object.keys(inputs));
  const ofInputs = Object.keys(zooReference(name).inputs).flatMap((input, i) =>
    floats.has(input)
      ? [{ name: input, read: (model: Loaded) => model.inputs[i] as Traced, expected: inputs[input]! }]
      : [],
  );
  const ofModules = readable(name).flatMap((path) =>
    (modules[path] ?? []).map((expected, call) => ({
      name: `${path} call ${call}`,
      read: (model: Loaded) => model.get(path).calls[call]!.output as Traced,
      expected,
    })),
  );
  return [...ofInputs, ...ofModules];
}

/**
 * The parameters that stand in the file under their names. Others were transposed or folded into one another. One that is
 * tied (gpt2's table and head) has the sum of its gradients, whether the file has a transposed copy of it or not.
 */
function parametersOf(name: string, model: OnnxModel): Place[] {
  const found = parameters(model);
  return Object.entries(recorded[name]!.parameters).flatMap(([path, expected]) => {
    const dot = path.lastIndexOf('.');
    const isThere = found.has(path) && !FOLDED[name]?.includes(path);
    const read = (model: Loaded) => Reflect.get(model.get(path.slice(0, dot)), path.slice(dot + 1)) as Traced;
    return isThere ? [{ name: path, read, expected }] : [];
  });
}

describe.each(Object.keys(ZOO).flatMap((name) => EXPORTERS.map((exporter) => [name, exporter] as const)))(
  'gradients of %s (%s exporter) agree with PyTorch',
  (name, exporter) => {
    const inputs = inputsOf(zooReference(name));

    it('by inputs, module outputs and parameters, in each way to cut the model', async () => {
      const named = parametersOf(name, await fixtureModel(`zoo/${name}`, exporter));
      const places = [...placesOf(name), ...named];
      expect(named.length).toBe(NAMED[name]![exporter]);
      for (const [way, model] of await loadEachWay(() => loadZoo(name, exporter, 'cpu'))) {
        const found = await model.trace(inputs, () => {
          const output = flatten(model.output);
          const loss = sum(output * cos(cumsum(onesLike(output), 0) - 1));
          return grad(
            loss,
            places.map(({ read }) => read(model)),
          ).map((gradient) => save(gradient));
        });
        places.forEach(({ name, expected }, i) => {
          expectGradient(found[i]!, expected, `${name}, cut: ${way}`);
        });
      }
    });
  },
);
