import { NNsight, save } from 'onnsight';
import { median, repeatInTurns, time } from '../measure.ts';
import { type BenchModel, gpt2Model } from '../model/gpt2-model.ts';
import { open, tokens } from '../plain.ts';
import type { Bench, Line, Row } from '../row.ts';

const LAYERS = [4, 8, 16, 32, 64];
const POSITIONS = [16, 128, 1024];
const NARROW = { width: 64, heads: 2, vocabulary: 512, positions: 1024 };

/** How much more than the smallest a larger one may cost, for every time that the plain run does. */
const BAR = 1.1;

/** Runs after which a block stays as it is. */
const SETTLED = 40;

interface Sized {
  readonly name: string;
  readonly model: BenchModel;
  readonly length: number;
}

/** Milliseconds, ours and those of a plain session. */
interface Cost {
  readonly ours: number;
  readonly plain: number;
}

/** How costs grow with a model's layers and with the tokens of a run, against those of the plain run. */
export const growth: Row = async (bench) => {
  const ofLayers = (layers: number) => gpt2Model({ layers, ...NARROW });
  // The deepest takes as long as all others together.
  const layers = bench.quick ? LAYERS.slice(0, -1) : LAYERS;
  const deep = layers.map((layers): Sized => ({ name: `${layers}`, model: ofLayers(layers), length: 16 }));
  const long = POSITIONS.map((length): Sized => ({ name: `${length}`, model: ofLayers(LAYERS[0]!), length }));
  return [
    ...(await linesOf(`${layers.join(', ')} layers`, deep, bench)),
    ...(await linesOf(`${POSITIONS.join(', ')} tokens`, long, bench)),
  ];
};

async function linesOf(what: string, sizes: readonly Sized[], { effort, quick }: Bench): Promise<Line[]> {
  const short = { ...effort, least: 5, most: 5, moment: 40 };
  const costs: Record<'reads a layer' | 'scales a layer' | 'the first trace', Cost[]> = {
    'reads a layer': [],
    'scales a layer': [],
    'the first trace': [],
  };
  for (const { model: files, length } of sizes) {
    const inputs = tokens(1, length, NARROW.vocabulary);
    costs['the first trace'].push(await first(files, inputs, quick ? 1 : 2));
    const session = await open(files.path);
    const model = await NNsight.load(files.path, { device: 'cpu', reuse: false });
    const layer = model.transformer.h[files.sizes.layers / 2];
    const plain = () => session.run(inputs.plain);
    const read = () => model.trace(inputs.ours, () => [save(layer.output), save(model.lm_head.output)]);
    const scale = () =>
      model.trace(inputs.ours, () => {
        layer.output *= 0.5;
        return save(model.lm_head.output);
      });
    for (const [name, run] of [
      ['reads a layer', read],
      ['scales a layer', scale],
    ] as const) {
      // A block that comes often gets a session of its own, in whatever run that is.
      for (let i = 0; i < (quick ? 3 : SETTLED); i++) await run();
      const turns = await repeatInTurns(run, plain, short);
      costs[name].push({ ours: median(turns.ours), plain: median(turns.plain) });
    }
    await Promise.all([session.release(), model.release()]);
  }
  return Object.entries(costs).map(([name, all]) => {
    const [smallest] = all;
    const faster = all.slice(1).map(({ ours, plain }) => ours / smallest!.ours / (plain / smallest!.plain));
    return {
      what: `${name}, ${what}: growth, against the plain run's`,
      result: { median: Math.max(...faster), low: Math.min(...faster), high: Math.max(...faster) },
      unit: '×',
      bar: BAR,
      note: `${all.map(({ ours }) => ours.toFixed(1)).join(', ')} ms, plain ${all.map(({ plain }) => plain.toFixed(1)).join(', ')} ms`,
    };
  });
}

/** Opening a model and the first trace, against opening a plain session and its first run. */
async function first({ path }: BenchModel, inputs: ReturnType<typeof tokens>, turns: number): Promise<Cost> {
  const [ours, plain]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < turns; turn++) {
    ours.push(
      await time(async () => {
        const model = await NNsight.load(path, { device: 'cpu', reuse: false });
        await model.trace(inputs.ours, () => {
          model.transformer.h[1].output *= 0.5;
          return save(model.lm_head.output);
        });
      }),
    );
    plain.push(
      await time(async () => {
        const session = await open(path);
        await session.run(inputs.plain);
      }),
    );
  }
  return { ours: Math.min(...ours), plain: Math.min(...plain) };
}
