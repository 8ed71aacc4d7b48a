import { fileURLToPath } from 'node:url';
import { NNsight, save, Tensor } from 'onnsight';
import { type InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { median, ratio, repeatInTurns } from '../measure.ts';
import { gpt2Model } from '../model/gpt2-model.ts';
import { cacheNames } from '../model/graph.ts';
import { longChain } from '../model/long-chain.ts';
import { TINY } from '../model/sizes.ts';
import { open, tokens } from '../plain.ts';
import { type Bench, type Line, type Row, times } from '../row.ts';

const MLP_WIDTH = 512;

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
  const rows = Float32Array.from({ length: 8 * MLP_WIDTH }, (_, i) => (i % 17) / 17);
  const pixels = Float32Array.from({ length: 3 * 16 * 16 }, (_, i) => (i % 17) / 17);
  const dims = [1, 3, 16, 16];
  return [
    {
      what: 'an MLP of 2 MB, 8 rows',
      path: longChain(2, MLP_WIDTH),
      layer: 'layers.0',
      ours: { x: new Tensor('float32', [8, MLP_WIDTH], rows) },
      plain: { x: new OrtTensor('float32', rows, [8, MLP_WIDTH]) },
    },
    toy(),
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

/** The model that comes with the package, with the empty cache and the positions that a plain session is to be given. */
function toy(): Small {
  const length = 16;
  const { ours, plain } = tokens(1, length, 189);
  const empty = new OrtTensor('float32', new Float32Array(0), [1, 4, 0, 32]);
  const caches = Array.from({ length: 4 }, (_, i) => [cacheNames(i, 'key'), cacheNames(i, 'value')]).flat();
  return {
    what: `the toy, 1 × ${length} tokens`,
    path: fileURLToPath(new URL('../../../models/toy-gpt2/model.onnx', import.meta.url)),
    layer: 'transformer.h.1',
    ours,
    plain: {
      ...plain,
      position_ids: new OrtTensor(
        'int64',
        BigInt64Array.from({ length }, (_, i) => BigInt(i)),
        [1, length],
      ),
      ...Object.fromEntries(caches.map(({ past }) => [past, empty])),
    },
  };
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
  const asked = session.outputNames.slice(0, 1);
  const turns = await repeatInTurns(run, () => session.run(feeds, asked), bench.effort);
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
