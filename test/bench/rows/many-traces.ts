import { NNsight, type Operand, save } from 'onnsight';
import { median } from '../measure.ts';
import { gigabytes, hasRoom } from '../memory.ts';
import { tokens } from '../plain.ts';
import type { Line, Row } from '../row.ts';
import { variant } from '../variants.ts';

const [WARM, TOGETHER] = [100, 20];

/** Memory over many traces that all differ in structure: after the first hundred it may not grow. */
export const manyTraces: Row = async ({ model: { path, sizes }, quick }) => {
  const traces = quick ? 200 : 1000;
  const what = `${traces} structurally different traces: memory, against that after ${WARM}`;
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const inputs = tokens(1, 4, sizes.vocabulary).ours;
  const end = performance.now() + (quick ? 30_000 : 240_000);
  /** The resident memory after every few traces. */
  const sizesSeen: number[] = [];
  const line = (result: Line['result'], note: string): Line[] => [{ what, result, unit: '×', bar: 1.05, note }];
  for (let number = 0; number < traces; number++) {
    const layer = model.transformer.h[number % sizes.layers];
    await model.trace(inputs, () => {
      layer.output = variant(layer.output, number) as Operand;
      return save(model.lm_head.output['0, -1']);
    });
    if ((number + 1) % TOGETHER === 0) sizesSeen.push(resident());
    const stopped = !hasRoom() ? `${gigabytes(resident())}` : performance.now() > end ? 'its time was up' : null;
    if (stopped) return line({ failed: `stopped after ${number + 1} traces: ${stopped}` }, '');
  }
  const [warm, after] = [sizesSeen.slice(0, WARM / TOGETHER), sizesSeen.slice(WARM / TOGETHER)];
  const start = warm.at(-1)!;
  const ratios = after.map((size) => size / start);
  const result = { median: Math.max(...ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
  return line(
    result,
    `${gigabytes(start)} after 100, ${gigabytes(after.at(-1)!)} at the end, ${gigabytes(median(after))} between`,
  );
};

/** Without what the garbage collector would take. */
function resident(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}
