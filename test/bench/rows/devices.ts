import { type Device, DeviceError, NNsight } from 'onnsight';
import { tracesOn, type Way } from '../device-traces.ts';
import { type Bench, type Line, type Row, times } from '../row.ts';

/** The same traces on the devices that are here, against plain sessions on the device. */
export const devices: Row = async (bench) => [
  ...(await onDevice('webgpu', ['in segments'], bench)),
  ...(await onDevice('cuda', ['by block', 'in segments', 'whole', 'fused'], bench)),
];

async function onDevice(device: Device, ways: readonly Way[], bench: Bench): Promise<Line[]> {
  const isHere = await NNsight.load(bench.model.path, { device, reuse: false }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof DeviceError) return false;
      throw error;
    },
  );
  const what = `traces on ${device}`;
  if (!isHere) return [{ what, result: { missing: 'not present' }, unit: '×', bar: 1.1 }];
  // Every way measures many pairs, all of them on a machine that does little else.
  const effort = {
    ...bench.effort,
    least: 4,
    milliseconds: bench.effort.milliseconds / 6,
    moment: bench.effort.moment / 4,
  };
  const lines: Line[] = [];
  for (const way of ways) {
    for await (const { task, shape, ratio, ours, plain } of tracesOn(device, way, { model: bench.model, effort })) {
      const what = `${task}, ${shape} tokens on ${device}, ${way}`;
      lines.push({ what, result: ratio, unit: '×', bar: 1.1, note: times(ours, plain) });
    }
  }
  return lines;
}
