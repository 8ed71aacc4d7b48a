import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NNsight, save, Tensor } from 'onnsight';
import { StandardizedTransformer } from 'onnsight/analysis';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/toy.ts';

interface Values {
  readonly dims: number[];
  readonly data: number[];
}

interface Case {
  readonly x: Values;
  readonly y: Values;
  /** The first tensor of what each call of a module returns in PyTorch. */
  readonly modules: Readonly<Record<string, readonly Values[]>>;
  /** What the model gives when that tensor is halved, wherever the module returns it. */
  readonly halved: Readonly<Record<string, Values>>;
  readonly probabilities?: readonly Values[];
  /** What enters modules. */
  readonly entered?: Readonly<Record<string, Values>>;
}

/** What exporters and ONNX Runtime leave of modules (test/tools/left_behind_fixtures.py). */
const FOLDER = new URL('../fixtures/left-behind/', import.meta.url);
const cases: Readonly<Record<string, Case>> = JSON.parse(readFileSync(new URL('values.json', FOLDER), 'utf8'));

async function opened(name: string) {
  const { x, ...told } = cases[name]!;
  const model = await NNsight.load(fileURLToPath(new URL(`${name}.onnx`, FOLDER)), { device: 'cpu' });
  return { ...told, model, x: Tensor.from(x.data, name === 'calls' ? 'int64' : 'float32', x.dims) };
}

describe('modules of which a file has less than PyTorch', () => {
  it.each(['calls', 'constants', 'twice'])('have their outputs, each of their calls: %s', async (name) => {
    const { model, x, modules, halved } = await opened(name);
    for (const [path, expected] of Object.entries(modules)) {
      const found = await model.trace({ x }, () => model.get(path).calls.map((call) => save(call.output)));
      expect(found).toHaveLength(expected.length);
      for (const [i, one] of found.entries()) expectClose(one as unknown as Tensor, expected[i]!);
    }
    for (const [path, expected] of Object.entries(halved)) {
      const found = await model.trace({ x }, () => {
        model.get(path).output *= 0.5;
        return save(model.output);
      });
      expectClose(found, expected);
    }
  });

  it.each([
    ['added', 'part.pointwise', ['part.depthwise', 'part', 'act']],
    ['normalised', 'conv', ['act']],
  ])('say so where a convolution makes what stood behind it: %s', async (name, folded, whole) => {
    const { model, x, modules } = await opened(name);
    await expect(model.trace({ x }, () => save(model.get(folded).output))).rejects.toThrow(
      new RegExp(`left-behind.test.ts:\\d+:\\d+ - '${folded}' is no longer in this file: the exporter has folded it`),
    );
    for (const path of whole)
      expectClose(await model.trace({ x }, () => save(model.get(path).output)), modules[path]![0]!);
  });

  it('say so where a transposition was moved past a fused node', async () => {
    const { model, x, modules } = await opened('turned');
    for (const path of ['features', 'features.act']) {
      await expect(model.trace({ x }, () => save(model.get(path).output))).rejects.toThrow(
        new RegExp(
          `left-behind.test.ts:\\d+:\\d+ - '${path}' has its output with the dims in another order in this file`,
        ),
      );
    }
    expectClose(await model.trace({ x }, () => save(model.get('features.conv').output)), modules['features.conv']![0]!);
  });

  it('say so where PyTorch may return a list of what all layers make, and the layers have their outputs', async () => {
    const { model, x, modules, halved } = await opened('pyramid');
    for (const path of ['neck', 'neck.stage']) {
      await expect(model.trace({ x }, () => save(model.get(path).output))).rejects.toThrow(
        new RegExp(
          `left-behind.test.ts:\\d+:\\d+ - only what the last of its layers makes leaves '${path}' .* neck\\.stage\\.layers\\.2\\.output`,
        ),
      );
    }
    for (const path of [0, 1, 2].map((i) => `neck.stage.layers.${i}`)) {
      expectClose(await model.trace({ x }, () => save(model.get(path).output)), modules[path]![0]!);
      const found = await model.trace({ x }, () => {
        model.get(path).output *= 0.5;
        return save(model.output);
      });
      expectClose(found, halved[path]!);
    }
    expect(String(model)).toContain('# of what its layers make only the last is used');
  });

  it('attend without the place that a sink has in the softmax', async () => {
    const { model, x, y, probabilities, halved } = await opened('sinks');
    const { attentionProbabilities } = new StandardizedTransformer(model);
    const found = await model.trace({ x }, () => [0, 1].map((layer) => save(attentionProbabilities[layer])));
    for (const [i, one] of found.entries()) expectClose(one as unknown as Tensor, probabilities![i]!);
    // Half of all attention is half of what attention makes, as there is nothing behind it.
    const half = await model.trace({ x }, () => {
      attentionProbabilities[0] *= 0.5;
      return save(model.output);
    });
    expectClose(half, halved['layers.0.self_attn']!);
    expect(half.data).not.toEqual(y.data);
  });

  it('begin and end behind products of which a quantizer has dropped the modules', async () => {
    const { model, x, modules, halved, entered } = await opened('quantized');
    for (const path of Object.keys(modules)) {
      const found = await model.trace({ x }, () => ({
        input: save(model.get(path).input),
        output: save(model.get(path).output),
      }));
      expectClose(found.input, entered![path]!);
      expectClose(found.output, modules[path]![0]!);
      const half = await model.trace({ x }, () => {
        model.get(path).output *= 0.5;
        return save(model.output);
      });
      expectClose(half, halved[path]!);
    }
  });

  it('say so where such a product may stand in several modules', async () => {
    const { model, x, modules, entered } = await opened('stacked');
    const told = (end: string, path: string) =>
      new RegExp(
        `left-behind.test.ts:\\d+:\\d+ - '${path}' may ${end} products whose modules this file no longer tells`,
      );
    const run = (read: () => Tensor) => model.trace({ x }, () => save(read()));
    await expect(run(() => model.get('one').output)).rejects.toThrow(told('end behind', 'one'));
    await expect(run(() => model.get('two').input)).rejects.toThrow(told('begin before', 'two'));
    for (const path of ['one.1', 'two.1']) {
      expectClose(await model.trace({ x }, () => save(model.get(path).input)), entered![path]!);
      expectClose(await model.trace({ x }, () => save(model.get(path).output)), modules[path]![0]!);
    }
  });
});
