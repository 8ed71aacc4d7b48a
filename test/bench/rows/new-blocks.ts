import { type Envoy, NNsight, type Operand, save } from 'onnsight';
import { median, spread, time } from '../measure.ts';
import { hasRoom } from '../memory.ts';
import { open, tokens } from '../plain.ts';
import type { Line, Row } from '../row.ts';
import { variant } from '../variants.ts';

/** Short, so that the run itself adds little noise to what is built before it. */
const LENGTH = 4;

/** The cost of a block that was never run before, against creating a session of the whole model. */
export const newBlocks: Row = async (bench) => {
  const {
    model: { path, external, sizes },
    quick,
  } = bench;
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const inputs = tokens(1, LENGTH, sizes.vocabulary).ours;
  let structure = 0;
  /** The first run of a new block that changes a module, minus the run of it. */
  const first = async (module: Envoy) => {
    const number = structure++;
    const run = () =>
      time(() =>
        model.trace(inputs, () => {
          module.output = variant(module.output, number) as Operand;
          return save(model.lm_head.output);
        }),
      );
    const built = await run();
    const again = [await run(), await run(), await run()];
    return built - median(again);
  };
  await model.trace(inputs);
  await first(model.transformer.h[0]);
  const kinds: Record<'boundary' | 'inside' | 'next', number[]> = { boundary: [], inside: [], next: [] };
  const whole: number[] = [];
  for (let i = 1; i < sizes.layers && hasRoom(); i++) {
    const layer = model.transformer.h[i];
    kinds.boundary.push(await first(layer));
    kinds.inside.push(await first(layer.mlp.act));
    kinds.next.push(await first(layer.mlp.act));
    if (whole.length < (quick ? 3 : 5)) whole.push(await sessionTime(external));
  }
  const create = median(whole);
  const line = (what: string, values: readonly number[], bar: number): Line => ({
    what,
    result: spread(values.map((value) => value / create)),
    unit: '×',
    bar,
    note: `${median(values).toFixed(1)} ms, the whole session ${create.toFixed(0)} ms, ${values.length} blocks`,
  });
  return [
    line('first run of a new block at a layer boundary', kinds.boundary, 0.01),
    line('first run of a block inside a layer', kinds.inside, 0.1),
    line('the next block at the same point inside', kinds.next, 0.01),
  ];
};

/** A session of the model whose weights stand beside it: the fastest way there is to make one. */
async function sessionTime(path: string): Promise<number> {
  const start = performance.now();
  const session = await open(path);
  const milliseconds = performance.now() - start;
  await session.release();
  return milliseconds;
}
