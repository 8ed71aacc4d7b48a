import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { backward, NNsight, save } from 'onnsight';
import { inTurns, median, ratio, spread, time } from '../measure.ts';
import { gigabytes } from '../memory.ts';
import { open, tokens } from '../plain.ts';
import type { Bench, Line, Row } from '../row.ts';
import { variant } from '../variants.ts';

const PROGRAM = fileURLToPath(new URL('../backward-memory.ts', import.meta.url));
const [ONE, OTHER] = [5, 6];
const LENGTH = 16;
const LONG = 128;

/** What gradients cost besides the runs: memory, before this process maps the model's file too, the first of a block, and the next block's. */
export const newGradients: Row = async (bench) => [...(await memory(bench)), ...(await first(bench))];

/** The first gradient of a block at all layers, and of the next blocks, against creating a session of the model. */
async function first({ model: { path, external, sizes }, quick }: Bench): Promise<Line[]> {
  const { ours } = tokens(1, LENGTH, sizes.vocabulary);
  const firsts: number[] = [];
  const next: number[] = [];
  const create: number[] = [];
  for (let turn = 0; turn < (quick ? 1 : 3); turn++) {
    const model = await NNsight.load(path, { device: 'cpu', reuse: false });
    let structure = 0;
    /** The first run of a new block with gradients, minus the run of it. */
    const added = async () => {
      const number = structure++;
      const run = () =>
        time(() =>
          model.trace(ours, () => {
            const logits = model.lm_head.output['0, -1'];
            backward(variant(logits[ONE], number) - logits[OTHER]);
            const found = [];
            for (const layer of model.transformer.h) found.push(save(layer.output.grad));
            return found;
          }),
        );
      const built = await run();
      return built - median([await run(), await run(), await run()]);
    };
    // The same without gradients: what a new block costs anyway.
    await model.trace(ours, () => {
      const logits = model.lm_head.output['0, -1'];
      const found = [save(variant(logits[ONE], 0) - logits[OTHER])];
      for (const layer of model.transformer.h) found.push(save(layer.output));
      return found;
    });
    firsts.push(await added());
    for (let i = 0; i < 4; i++) next.push(await added());
    create.push(await time(async () => (await open(external)).release()));
  }
  const whole = median(create);
  const line = (what: string, values: readonly number[], bar: number): Line => ({
    what: `${what}, against creating a session of the model`,
    result: spread(values.map((value) => value / whole)),
    unit: '×',
    bar,
    note: `${median(values).toFixed(1)} ms, the whole session ${whole.toFixed(0)} ms`,
  });
  return [
    line(`first gradient of a block at all ${sizes.layers} layers`, firsts, 0.3),
    line('first gradient of the next block at the same places', next, 0.02),
  ];
}

/** The memory of a process that goes forward and backward to that of one that goes forward, sessions included. */
async function memory({ model: { path, sizes }, quick }: Bench): Promise<Line[]> {
  const what = (kind: string) => `${kind} of forward and backward, 1 × ${LONG} tokens, against that of the forward`;
  if (!existsSync('/proc/self/smaps_rollup')) {
    return [{ what: what('memory'), result: { missing: 'needs Linux' }, unit: '×', bar: 1.5 }];
  }
  const effort = quick ? { least: 1, most: 1, milliseconds: 0 } : { least: 2, most: 3, milliseconds: 60_000 };
  const once = (kind: string) => () => measured(kind, path, sizes.vocabulary);
  const { ours, plain } = await inTurns(once('backward'), once('forward'), effort);
  return (['resident', 'anonymous'] as const).map((kind) => {
    const turns = { ours: ours.map((one) => one[kind]), plain: plain.map((one) => one[kind]) };
    const note = `${gigabytes(median(turns.ours))}, forward ${gigabytes(median(turns.plain))}`;
    return { what: what(`${kind} memory`), result: ratio(turns), unit: '×', bar: 1.5, note };
  });
}

async function measured(kind: string, path: string, vocabulary: number) {
  const words = [...process.execArgv, PROGRAM, kind, path, String(LONG), String(vocabulary)];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout) as { readonly resident: number; readonly anonymous: number };
}
