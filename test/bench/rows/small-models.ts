import { fileURLToPath } from 'node:url';
import { NNsight, save, Tensor } from 'onnsight';
import { type InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { median, ratio, repeatInTurns } from '../measure.ts';
import { gpt2Model } from '../model/gpt2-model.ts';
import { TINY } from '../model/sizes.ts';
import { open, tokens } from '../plain.ts';
import { type Bench, type Line, type Row, times } from '../row.ts';

/** After so many runs a block that is to be one session is. */
const SETTLED = 200;

interface Small {
  readonly what: string;
  readonly path: string;
  /** The module that is scaled. */
  readonly layer: string;
  readonly ours: Readonly<Record<string, Tensor>> | ReturnType<typeof tokens>['ours'];
  readonly plain: InferenceSession.FeedsType;
}

/** Scaling a layer of models whose run takes some milliseconds or less, again and again, against the plain run. */
export const smallModels: Row = async (bench) => {
  const lines: Line[] = [];
  for (const small of models()) lines.push(await scaling(bench, small));
  return lines;
};

function models(): Small[] {
  const gpt2 = (batch: number, length: number): Small => ({
    what: `a GPT-2 of ${TINY.layers} layers, ${TINY.width} wide, ${batch} × ${length} tokens`,
    path: gpt2Model(TINY).path,
    layer: 'transformer.h.1',
    ...tokens(batch, length, TINY.vocabulary),
  });
  const pixels = Float32Array.from({ length: 3 * 16 * 16 }, (_, i) => (i % 17) / 17);
  const dims = [1, 3, 16, 16];
  return [
    gpt2(1, 16),
    gpt2(8, 64),
    {
      what: 'a ViT of 2 layers',
      path: zoo('vit'),
      layer: 'model.layers.0',
      ours: { pixel_values: new Tensor('float32', dims, pixels) },
      plain: { pixel_values: new OrtTensor('float32', pixels, dims) },
    },
    {
      what: 'an encoder of 2 layers, 1 × 16 tokens',
      path: zoo('bert'),
      layer: 'model.encoder.layer.0',
      ...tokens(1, 16, 50),
    },
  ];
}

async function scaling(bench: Bench, { what, path, layer, ours, plain: feeds }: Small): Promise<Line> {
  const model = await NNsight.load(path, { device: 'cpu', reuse: false });
  const session = await open(path);
  const module = model.get(layer);
  const run = () =>
    model.trace(ours, () => {
      module.output *= 0.5;
      return save(model.output);
    });
  for (let i = 0; i < (bench.quick ? 10 : SETTLED); i++) await run();
  const turns = await repeatInTurns(run, () => session.run(feeds), bench.effort);
  return {
    what: `scales a layer of ${what}`,
    result: ratio(turns),
    unit: '×',
    bar: median(turns.plain) < 10 ? 1.15 : 1.05,
    note: times(median(turns.ours), median(turns.plain)),
  };
}

function zoo(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/zoo/${name}.ts.onnx`, import.meta.url));
}
