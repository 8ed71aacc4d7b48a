import { type Device, NNsight, type RunStats, save, type Tensor } from 'onnsight';
import { median, type RepeatedEffort, ratio, repeatInTurns, type Spread, time } from './measure.ts';
import { type BenchModel, layerOutputs } from './model/gpt2-model.ts';
import { open, tokens } from './plain.ts';

/** How a model runs: as suits CUDA, cut at its layers, as one session for each block, or cut until its blocks are fused. */
export const WAYS = {
  'by block': { segments: 'blocks', fuse: false },
  'in segments': { segments: 'layers', fuse: false },
  whole: { segments: 'off', fuse: false },
  fused: { segments: 'layers', fuse: true },
} as const;
export type Way = keyof typeof WAYS;

export const SHAPES = [
  [1, 16],
  [1, 128],
  [8, 64],
  [32, 128],
] as const;

/** A card's products are rounded to TensorFloat-32, by kernels that differ with the shape: this far results may be apart. */
const TOLERANCE = 1e-2;

/** How long the making of a fused block may take, in milliseconds. */
const PATIENCE = 60_000;

type Inputs = ReturnType<typeof tokens>['ours'];

interface Options {
  readonly onStats: (stats: RunStats) => void;
}

interface Task {
  /** The file whose plain session computes as much as this. */
  readonly plain: 'path' | 'layers' | 'last';
  /** Whether the plain session gives the same numbers. */
  readonly agrees: boolean;
  readonly run: (model: NNsight, inputs: Inputs, options: Options) => Promise<Tensor[]>;
}

export const TASKS = {
  'saves the last logits': {
    plain: 'last',
    agrees: true,
    run: (model, inputs, options) => model.trace(inputs, () => [save(model.lm_head.output[':, -1'])], options),
  },
  'scales a layer, saves the last logits': {
    plain: 'last',
    agrees: false,
    run: (model, inputs, options) =>
      model.trace(
        inputs,
        () => {
          model.transformer.h[1].output *= 0.5;
          return [save(model.lm_head.output[':, -1'])];
        },
        options,
      ),
  },
  'scales a layer, saves all logits': {
    plain: 'path',
    agrees: false,
    run: (model, inputs, options) =>
      model.trace(
        inputs,
        () => {
          model.transformer.h[1].output *= 0.5;
          return [save(model.lm_head.output)];
        },
        options,
      ),
  },
  'saves all layers': {
    plain: 'layers',
    agrees: true,
    run: (model, inputs, options) =>
      model.trace(
        inputs,
        () => {
          const outputs = [];
          for (const layer of model.transformer.h) outputs.push(save(layer.output));
          return outputs;
        },
        options,
      ),
  },
} satisfies Readonly<Record<string, Task>>;
export type TaskName = keyof typeof TASKS;

/** A trace and a plain session that computes as much, in turns. */
export interface Compared {
  readonly task: TaskName;
  readonly shape: string;
  readonly ratio: Spread;
  /** The middle times in milliseconds. */
  readonly ours: number;
  readonly plain: number;
}

/** The runs of a new trace on a model that is loaded already. */
export interface Begun {
  readonly task: TaskName;
  /** The milliseconds of its first runs. */
  readonly runs: readonly number[];
  readonly stats: RunStats;
}

const namesOf = <K extends string>(record: Readonly<Record<K, unknown>>) => Object.keys(record) as K[];

export const taskNames = namesOf(TASKS);
export const wayNames = namesOf(WAYS);

function load(device: Device, way: Way, { path }: BenchModel) {
  const { segments, fuse } = WAYS[way];
  process.env.ONNSIGHT_SEGMENTS = segments;
  return NNsight.load(path, { device, fuse, reuse: false });
}

/** What each trace costs at first, one after the other on one model. */
export async function* firstRuns(device: Device, way: Way, files: BenchModel): AsyncGenerator<Begun> {
  const model = await load(device, way, files);
  const inputs = tokens(8, 64, files.sizes.vocabulary);
  for (const task of taskNames) {
    let stats: RunStats | null = null;
    const run = () => TASKS[task].run(model, inputs.ours, { onStats: (seen) => (stats = seen) });
    const runs = [await time(run), await time(run), await time(run)];
    yield { task, runs, stats: stats! };
  }
}

/** Everyday traces on a device, against plain sessions there that compute as much; each line as it was measured. */
export async function* tracesOn(
  device: Device,
  way: Way,
  {
    model: files,
    effort,
    tasks = taskNames,
  }: { model: BenchModel; effort: RepeatedEffort; tasks?: readonly TaskName[] },
): AsyncGenerator<Compared> {
  const model = await load(device, way, files);
  for (const what of tasks) {
    const task: Task = TASKS[what];
    const session = await open(files[task.plain], device);
    const names = task.plain === 'layers' ? layerOutputs(files.sizes) : ['logits'];
    for (const [batch, length] of SHAPES) {
      const inputs = tokens(batch, length, files.sizes.vocabulary);
      const ours = await ready(model, inputs.ours, task, WAYS[way].fuse);
      const plain = () => session.run(inputs.plain);
      const expected = await plain();
      if (task.agrees)
        mustBeNear(
          what,
          await ours(),
          names.map((name) => expected[name]!.data as Float32Array),
        );
      const turns = await repeatInTurns(ours, plain, effort);
      yield {
        task: what,
        shape: `${batch} × ${length}`,
        ratio: ratio(turns),
        ours: median(turns.ours),
        plain: median(turns.plain),
      };
    }
    await session.release();
  }
}

/** The task as it runs again and again: what has to be built for it is there, the fused block too. */
async function ready(model: NNsight, inputs: Inputs, { run }: Task, fuse: boolean): Promise<() => Promise<Tensor[]>> {
  let steps = 0;
  const onStats = ({ dispatches }: RunStats) => {
    steps = dispatches.length;
  };
  const ours = () => run(model, inputs, { onStats });
  await ours();
  const end = performance.now() + PATIENCE;
  while (fuse && steps > 1) {
    if (performance.now() > end) throw new Error(`not fused after ${PATIENCE / 1000} s`);
    await ours();
  }
  return ours;
}

/** Throws unless tensors are near those expected, by the norm of the difference: what is wrong need not be measured. */
function mustBeNear(what: string, tensors: readonly Tensor[], expected: readonly Float32Array[]): void {
  for (const [i, wanted] of expected.entries()) {
    const data = tensors[i]!.data as Float32Array;
    const apart = data.length === wanted.length ? norm(wanted, (k) => data[k]!) / norm(wanted, () => 0) : Number.NaN;
    if (!(apart < TOLERANCE)) throw new Error(`${what}: result ${i} is ${apart} away from plain ONNX Runtime's`);
  }
}

function norm(data: Float32Array, minus: (index: number) => number): number {
  return Math.sqrt(data.reduce((sum, value, k) => sum + (value - minus(k)) ** 2, 0));
}
