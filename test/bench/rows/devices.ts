import { type Device, DeviceError, NNsight, save } from 'onnsight';
import { InferenceSession } from 'onnxruntime-node';
import { median, ratio, repeatInTurns } from '../measure.ts';
import { tokens } from '../plain.ts';
import { type Bench, type Line, type Row, times } from '../row.ts';

/** The same trace on the devices that are here, against a plain session on the device. */
export const devices: Row = async (bench) => [await onDevice('webgpu', bench), await onDevice('cuda', bench)];

async function onDevice(device: Device, { model: { path, sizes }, effort }: Bench): Promise<Line> {
  const line = { what: `scales one layer on ${device}, 1 × 128 tokens`, unit: '×', bar: 1.1 } as const;
  const model = await NNsight.load(path, { device }).catch((error: unknown) => {
    if (error instanceof DeviceError) return null;
    throw error;
  });
  if (model === null) return { ...line, result: { missing: 'not present' } };
  const session = await InferenceSession.create(path, { executionProviders: [device] });
  const inputs = tokens(1, 128, sizes.vocabulary);
  const layer = model.transformer.h[sizes.layers / 2];
  const ours = () =>
    model.trace(inputs.ours, () => {
      layer.output *= 0.5;
      return save(model.lm_head.output);
    });
  const plain = () => session.run(inputs.plain);
  await ours();
  await plain();
  const turns = await repeatInTurns(ours, plain, effort);
  return { ...line, result: ratio(turns), note: times(median(turns.ours), median(turns.plain)) };
}
