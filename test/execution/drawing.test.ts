import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight, ReuseScope, type RunStats, save, type Tensor } from 'onnsight';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { encodeModel, type ModelProto } from '../../runtime/onnx/proto.ts';
import { adding, DRAWINGS, type Drawing, restoring, WIDTH } from './drawing-models.ts';
import { loadEachWay } from './ways.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-drawing-'));
afterAll(() => rmSync(folder, { recursive: true }));

// biome-ignore lint/suspicious/noExplicitAny: the modules of these models are not known to the type checker.
type Loaded = any;

let count = 0;
function file(proto: ModelProto): string {
  const path = join(folder, `${count++}.onnx`);
  writeFileSync(path, encodeModel(proto));
  return path;
}

const X = Array.from({ length: WIDTH }, (_, i) => i / 8);
const inputs = { x: [X], training: true };
const numbers = ({ data }: Tensor) => Array.from(data as ArrayLike<number>, Number);

function expectNear(actual: Tensor, wanted: readonly number[], what: string): void {
  const far = numbers(actual).findIndex((value, i) => !(Math.abs(value - wanted[i]!) < 1e-4));
  expect(far < 0 ? '' : `element ${far} is ${numbers(actual)[far]}, not ${wanted[far]}`, what).toBe('');
}

/** Fails unless each tensor has other elements than the others. */
function expectDistinct(tensors: readonly Tensor[], what: string): void {
  expect(new Set(tensors.map((tensor) => numbers(tensor).join())).size, what).toBe(tensors.length);
}

async function eachWay(proto: ModelProto, check: (model: Loaded, way: string) => Promise<void>): Promise<void> {
  const path = file(proto);
  const models = await loadEachWay<Loaded>(() => NNsight.load(path, { device: 'cpu' }));
  for (const [way, model] of models) await check(model, way);
}

describe.each(Object.entries<Drawing>(DRAWINGS))('what is drawn by %s', (_, draw) => {
  it('is one draw wherever it is read, and other nodes draw others', async () => {
    await eachWay(restoring(draw), async (m, way) => {
      const plain = await m.trace(inputs, () => save(m.output));
      expectNear(plain, X, way);
      const cut = await m.trace(inputs, () => {
        m.layers[0].output *= 1;
        m.layers[1].output *= 1;
        return { y: save(m.output), r1: save(m.layers[0].noise.output), r2: save(m.layers[0].more.output) };
      });
      expectNear(cut.y, X, `${way}, cut at layers`);
      expectDistinct([cut.r1, cut.r2], way);
      const whole = await m.trace(inputs, () => {
        const [r1, r2] = [m.layers[0].noise.output, m.layers[0].more.output];
        return save(m.layers[0].output - r1 - r2);
      });
      expectNear(whole, X, `${way}, read`);
    });
  });

  it('is one draw on both sides of a function in the middle', async () => {
    await eachWay(restoring(draw), async (m, way) => {
      const { y, r1, seen } = await m.trace(inputs, (tracer: Loaded) => {
        m.layers[1].output = tracer.apply((value: Tensor) => value, m.layers[1].output);
        return { y: save(m.output), r1: save(m.layers[0].noise.output), seen: save(m.layers[1].output) };
      });
      expectNear(y, X, way);
      const rest = numbers(seen).map((value, i) => value - numbers(r1)[i]!);
      expectNear(y, rest, way);
    });
  });

  it('is another one in each layer, in each run and for each structure', async () => {
    await eachWay(adding(draw), async (m, way) => {
      const run = (times: number) =>
        m.trace(inputs, () => {
          for (let i = 0; i < times; i++) m.layers[1].output *= 1;
          return [save(m.output), ...[0, 1, 2].map((layer) => save(m.layers[layer].noise.output))];
        });
      const reuse = new ReuseScope();
      const again = () => m.trace(inputs, () => save(m.layers[0].noise.output), { reuse });
      expectDistinct([...(await run(0)), ...(await run(0)), ...(await run(1)), await again(), await again()], way);
    });
  });

  it('is another one in each call of a module', async () => {
    await eachWay(adding(draw), async (m, way) => {
      const { own, first, second } = await m.trace(inputs, () => {
        const layer = m.layers[0];
        const x = layer.input;
        return { own: save(layer.output - x), first: save(layer(x) - x), second: save(layer(x) - x) };
      });
      expectDistinct([own, first, second], way);
    });
  });
});

it('a model that draws is not fused', async () => {
  vi.stubEnv('ONNSIGHT_SEGMENTS', 'layers');
  const m: Loaded = await NNsight.load(file(restoring(DRAWINGS['a function']!)), { device: 'cpu', fuse: true });
  vi.unstubAllEnvs();
  const labels: string[] = [];
  const onStats = ({ dispatches }: RunStats) => {
    labels.push(...dispatches.map(({ name }) => name));
  };
  for (let i = 0; i < 12; i++) {
    const options = { onStats };
    expectNear(await m.trace(inputs, () => save(m.output), options), X, `run ${i}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(labels.some((label) => label.includes('fused'))).toBe(false);
});
