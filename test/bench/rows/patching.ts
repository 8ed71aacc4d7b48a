import { NNsight, save } from 'onnsight';
import { median, ratio, time } from '../measure.ts';
import { hasRoom } from '../memory.ts';
import { open, tokens } from '../plain.ts';
import { type Line, type Row, times } from '../row.ts';

const POSITIONS = 16;
const [ONE, OTHER] = [5, 6];

/** Activation patching over layers and positions on a model just loaded, against as many plain runs. */
export const patching: Row = async (bench) => {
  const {
    model: { path, sizes },
    quick,
  } = bench;
  const session = await open(path);
  const clean = tokens(1, POSITIONS, sizes.vocabulary);
  const corrupt = tokens(1, POSITIONS, sizes.vocabulary, 1013);
  const runs = sizes.layers * POSITIONS;
  const plain = () =>
    time(async () => {
      for (let i = 0; i < runs; i++) await session.run(corrupt.plain);
    });
  await session.run(corrupt.plain);

  const one: number[] = [];
  const together: number[] = [];
  const plainly: number[] = [];
  const end = performance.now() + 60_000;
  const goesOn = (round: number) => round === 0 || (!quick && round < 3 && performance.now() < end && hasRoom());
  for (let round = 0; goesOn(round); round++) {
    const [single, session] = [await sweepOneByOne(path, clean, corrupt), await sweepInSession(path, clean, corrupt)];
    one.push(single.milliseconds);
    plainly.push(await plain());
    together.push(session.milliseconds);
    mustBeEqual(single.differences, session.differences);
  }
  const line = (what: string, ours: number[]): Line => ({
    what: `activation patching, ${sizes.layers} layers × ${POSITIONS} positions, ${what}, against ${runs} plain runs`,
    result: ratio({ ours, plain: plainly }),
    unit: '×',
    bar: 0.65,
    note: times(median(ours), median(plainly)),
  });
  return [line('trace by trace', one), line('in one session', together)];
};

type Tokens = ReturnType<typeof tokens>;

/** The result of a sweep, a number for every layer and position, and its duration. */
interface Sweep {
  readonly differences: number[];
  readonly milliseconds: number;
}

/** A model on which everything but the patching itself has been done. */
async function prepared(path: string, clean: Tokens, corrupt: Tokens) {
  const model = await NNsight.load(path, { device: 'cpu' });
  const saved = await model.trace(clean.ours, () => {
    const outputs = [];
    for (const layer of model.transformer.h) outputs.push(save(layer.output));
    return outputs;
  });
  await model.trace(corrupt.ours);
  return { model, saved };
}

async function sweepOneByOne(path: string, clean: Tokens, corrupt: Tokens): Promise<Sweep> {
  const { model, saved } = await prepared(path, clean, corrupt);
  const differences: number[] = [];
  const milliseconds = await time(async () => {
    for (let layer = 0; layer < saved.length; layer++) {
      for (let position = 0; position < POSITIONS; position++) {
        const difference = await model.trace(corrupt.ours, () => {
          model.transformer.h[layer].output[`:, ${position}`] = saved[layer]![`:, ${position}`];
          const logits = model.lm_head.output['0, -1'];
          return save(logits[ONE] - logits[OTHER]);
        });
        differences.push(difference.item());
      }
    }
  });
  return { differences, milliseconds };
}

async function sweepInSession(path: string, clean: Tokens, corrupt: Tokens): Promise<Sweep> {
  const { model, saved } = await prepared(path, clean, corrupt);
  const start = performance.now();
  const found = await model.session((session) => {
    const differences = [];
    for (let layer = 0; layer < saved.length; layer++) {
      for (let position = 0; position < POSITIONS; position++) {
        differences.push(
          session.trace(corrupt.ours, () => {
            model.transformer.h[layer].output[`:, ${position}`] = saved[layer]![`:, ${position}`];
            const logits = model.lm_head.output['0, -1'];
            return save(logits[ONE] - logits[OTHER]);
          }),
        );
      }
    }
    return differences;
  });
  return { differences: found.map((difference) => difference.item()), milliseconds: performance.now() - start };
}

/** Both sweeps must find the same, and the patches must do something. */
function mustBeEqual(one: readonly number[], other: readonly number[]): void {
  const apart = Math.max(...one.map((value, i) => Math.abs(value - other[i]!)));
  if (!(apart <= 1e-5)) throw new Error(`the sweeps differ by ${apart}`);
  const distinct = new Set(one.map((value) => value.toFixed(5))).size;
  if (distinct < one.length / 4)
    throw new Error(`only ${distinct} of ${one.length} patches have an effect of their own`);
}
