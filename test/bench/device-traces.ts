import { type Device, NNsight, type RunStats, save, type Tensor } from 'onnsight';
import { median, ratio, repeatInTurns } from './measure.ts';
import { layerOutputs } from './model/gpt2-model.ts';
import { open, tokens } from './plain.ts';
import { type Bench, type Line, times } from './row.ts';

/** How a model runs: cut at its layers, as one session for each block, or cut until its blocks are fused. */
const WAYS = {
  'in segments': { segments: 'layers', fuse: false },
  whole: { segments: 'off', fuse: false },
  fused: { segments: 'layers', fuse: true },
} as const;
export type Way = keyof typeof WAYS;

const SHAPES = [
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

const TASKS: Readonly<Record<string, Task>> = {
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
};

/** Everyday traces on a device, against plain sessions there that compute as much; each line as it was measured. */
export async function* tracesOn(device: Device, way: Way, { model: files, effort }: Bench): AsyncGenerator<Line> {
  const { segments, fuse } = WAYS[way];
  process.env.ONNSIGHT_SEGMENTS = segments;
  const model = await NNsight.load(files.path, { device, fuse });
  for (const [what, task] of Object.entries(TASKS)) {
    const session = await open(files[task.plain], device);
    const names = task.plain === 'layers' ? layerOutputs(files.sizes) : ['logits'];
    for (const [batch, length] of SHAPES) {
      const inputs = tokens(batch, length, files.sizes.vocabulary);
      const ours = await ready(model, inputs.ours, task, fuse);
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
        what: `${what}, ${batch} × ${length} tokens on ${device}, ${way}`,
        result: ratio(turns),
        unit: '×',
        bar: 1.1,
        note: times(median(turns.ours), median(turns.plain)),
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
