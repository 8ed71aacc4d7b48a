import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Device, LanguageModel, save } from 'onnsight';
import { expected } from '../reference/expected.ts';
import { interventions } from '../reference/interventions.ts';
import { EXPORTERS } from '../support/fixtures.ts';
import { distance, type Pair, reference, TOY } from '../support/pytorch.ts';
import { halfOf, halve, inputsOf, loadZoo, readModules, ZOO, zooReference } from '../zoo/zoo.ts';

/*
 * node --import onnsight/register test/devices/prove.ts [--device cuda] [--tolerance 1e-3] [--only zoo/bert]
 *
 * Runs PyTorch's reference interventions and every module of the zoo on a device, with the built package and without a test
 * runner, and compares the results with PyTorch's numbers. Prints a line for each case with the largest distance (see
 * `distance`), at last how many agree; ends with exit code 1 if one does not. --only: cases whose names begin so.
 */

const { device, tolerance, only } = options();

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const cases: Readonly<Record<string, () => Promise<Pair[]>>> = {
  ...toyCases(),
  ...Object.fromEntries(Object.keys(ZOO).flatMap((name) => EXPORTERS.flatMap((exporter) => zooCases(name, exporter)))),
};

let agreeing = 0;
let worst = 0;
const chosen = Object.entries(cases).filter(([name]) => name.startsWith(only));
for (const [name, run] of chosen) {
  const start = performance.now();
  const { far, what } = await run().then(farthest, (error: Error) => ({ far: Number.NaN, what: error.message }));
  const agrees = far <= tolerance;
  if (agrees) agreeing++;
  worst = Math.max(worst, far);
  // A model that is no longer held stays on the card until the collector has run, and the card's memory does not trigger it.
  collect();
  const milliseconds = (performance.now() - start).toFixed(0);
  console.log(`${agrees ? 'agrees' : 'FAILS '} ${name}: ${far.toExponential(1)}, ${what} (${milliseconds} ms)`);
}
const failed = chosen.length - agreeing;
console.log(
  `${agreeing} agree, ${failed} fail on ${device}, tolerance ${tolerance}, largest ${worst.toExponential(1)}`,
);
// Nothing proves nothing.
if (failed > 0 || agreeing === 0) process.exitCode = 1;

/** The interventions on the toy GPT-2, each result beside PyTorch's, and tokens that it generates. */
function toyCases(): Record<string, () => Promise<Pair[]>> {
  let loading: ReturnType<typeof LanguageModel.load> | undefined;
  const toy = () => {
    loading ??= LanguageModel.load(TOY, { device });
    return loading;
  };
  const traced = Object.entries(interventions).map(([name, intervention]) => [
    `toy/${name}`,
    async () => {
      const results = await intervention(await toy(), reference);
      return Object.entries(expected[name]!).map(([what, wanted]) => {
        const actual = results[what];
        if (!actual) throw new Error(`${what} is not among the results`);
        return { what, actual, expected: wanted };
      });
    },
  ]);
  const { plain } = reference.cases.generate as { plain: number[] };
  const generated = [true, false].map((useCache) => [
    `toy/generate ${useCache ? 'with' : 'without'} a key-value cache`,
    async () => {
      const lm = await toy();
      const { ids } = lm.tokenizer.encode(reference.prompts.fact);
      const maxNewTokens = plain.length - ids.length;
      const { sequences } = await lm.generate(reference.prompts.fact, { maxNewTokens, useCache, stopTokens: [] });
      return [{ what: 'tokens', actual: sequences, expected: { dims: [1, plain.length], data: plain } }];
    },
  ]);
  return Object.fromEntries([...traced, ...generated]);
}

/** A model by one exporter: everything that can be read, and its middle module halved and then left alone. */
function zooCases(name: string, exporter: string): [string, () => Promise<Pair[]>][] {
  const load = () => loadZoo(name, exporter, device);
  const halving = async () => {
    const model = await load();
    const steered = await halve(model, name);
    const { output } = zooReference(name);
    const clean = await model.trace(inputsOf(zooReference(name)), () => save(model.output));
    if (!(distance(steered.output, output) > 2 * tolerance)) throw new Error('halving the module changed no output');
    return [
      { what: `${ZOO[name]!.halved} halved`, actual: steered.module, expected: halfOf(name) },
      { what: 'output without that', actual: clean, expected: output },
    ];
  };
  return [
    [`zoo/${name}.${exporter} reads`, async () => readModules(await load(), name)],
    [`zoo/${name}.${exporter} halves`, halving],
  ];
}

function farthest(pairs: readonly Pair[]): { far: number; what: string } {
  const all = pairs.map(({ what, actual, expected }) => ({ far: distance(actual, expected), what }));
  return all.reduce((a, b) => (b.far > a.far ? b : a));
}

/** The tolerance for PyTorch's numbers: products on CUDA are rounded to TensorFloat-32 unless that is switched off. */
function options(): { device: Device; tolerance: number; only: string } {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'cpu' },
      tolerance: { type: 'string' },
      only: { type: 'string', default: '' },
    },
  });
  const isRounded = values.device === 'cuda' && process.env.NVIDIA_TF32_OVERRIDE !== '0';
  return {
    ...values,
    device: values.device as Device,
    tolerance: Number(values.tolerance ?? (isRounded ? 1e-3 : 1e-4)),
  };
}
