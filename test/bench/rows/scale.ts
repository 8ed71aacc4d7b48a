import { NNsight, type RunStats, save } from 'onnsight';
import type { InferenceSession } from 'onnxruntime-node';
import { median, ratio, repeatInTurns } from '../measure.ts';
import { open, tokens } from '../plain.ts';
import { type Bench, type Line, type Row, times } from '../row.ts';

/** Scaling one layer, again and again, in segments and fused, against the plain run. */
export const scale: Row = async (bench) => {
  const session = await open(bench.model.path);
  return [...(await lines(bench, session, false)), ...(await lines(bench, session, true))];
};

async function lines({ model: { path, sizes }, effort }: Bench, session: InferenceSession, fuse: boolean) {
  const model = await NNsight.load(path, { device: 'cpu', fuse, reuse: false });
  const layer = model.transformer.h[sizes.layers / 2];
  const lines: Line[] = [];
  for (const length of [16, 128]) {
    const inputs = tokens(1, length, sizes.vocabulary);
    let dispatches = 0;
    const onStats = (stats: RunStats) => {
      dispatches = stats.dispatches.length;
    };
    const ours = () =>
      model.trace(
        inputs.ours,
        () => {
          layer.output *= 0.5;
          return save(model.lm_head.output);
        },
        { onStats },
      );
    const plain = () => session.run(inputs.plain);
    await ours();
    while (fuse && dispatches > 1) await ours();
    await plain();
    const turns = await repeatInTurns(ours, plain, effort);
    lines.push({
      what: `scales one layer${fuse ? ', fused' : ''}, 1 × ${length} tokens`,
      result: ratio(turns),
      unit: '×',
      bar: 1.05,
      note: times(median(turns.ours), median(turns.plain)),
    });
  }
  return lines;
}
