import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Loose, NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';

const path = (name: string) => fileURLToPath(new URL(`../fixtures/branches/${name}`, import.meta.url));
const values = JSON.parse(readFileSync(path('values.json'), 'utf8'));
const load = (name: string) => NNsight.load<Loose>(path(`${name}.onnx`), { device: 'cpu' });
const input = (sign: number) => [1, 2].map(() => [sign, sign, sign, sign]);

describe.each(['cond', 'if', 'loop'])("modules in the model's own conditional or loop: %s", (name) => {
  it.each([1, -1])('the module around gives what PyTorch gives, and can be set (x = %d)', async (sign) => {
    const model = await load(name);
    const { block, y } = await model.trace(input(sign), () => ({
      block: save(model.block.output),
      y: save(model.output),
    }));
    const zeroed = await model.trace(input(sign), () => {
      model.block.output *= 0;
      return save(model.head.output[0]);
    });
    const expected = values[name][sign];
    for (const [found, wanted] of [
      [block, expected.block],
      [y, expected.y],
    ] as const) {
      expect(Math.max(...Array.from(found.data, (value, i) => Math.abs(Number(value) - wanted[i])))).toBeLessThan(1e-5);
    }
    const bias = await model.trace(input(sign), () => save(model.head.bias + 0));
    expect(zeroed.toArray()).toEqual(bias.toArray());
  });

  it('the modules inside say where they run, in the tree and in the error', async () => {
    const model = await load(name);
    const isLoop = name === 'loop';
    const inside = isLoop ? ['cell'] : ['left', 'left.0', 'right'];
    const [part, node] = isLoop ? ['the body', 'Loop'] : ['a branch', 'If'];
    for (const child of inside) {
      await expect(model.trace(input(1), () => save(model.get(`block.${child}`).output))).rejects.toThrow(
        new RegExp(
          `branches\\.test\\.ts:\\d+:\\d+ - 'block\\.${child.replace('.', '\\.')}' runs in ${part} of the model's own ${node} .*: what leaves it is ops\\.${node}\\.output of the model`,
        ),
      );
    }
    expect(String(model)).toContain(`runs inside the model's own ${node}`);
    expect(Object.keys(model.ops)).toContain(node);
  });
});

describe('invokes of a model whose file does not tell which rows are whose', () => {
  const row = (value: number) => [Array.from({ length: 4 }, () => value)];

  it('are an error at the line that reads or sets', async () => {
    const model = await load('loop');
    const two = model.trace((tracer) => {
      tracer.invoke(row(1), () => save(model.head.bias));
      return tracer.invoke(row(2), () => save(model.block.output));
    });
    await expect(two).rejects.toThrow(
      /branches\.test\.ts:\d+:\d+ - Which rows of block\.output are those of this invoke/,
    );
    const set = model.trace((tracer) => {
      tracer.invoke(row(1), () => {
        model.block.output *= 0;
      });
      return tracer.invoke(row(2), () => save(model.head.bias));
    });
    await expect(set).rejects.toThrow(/branches\.test\.ts:\d+:\d+ - Which rows of block\.output/);
  });

  it('a single invoke has all rows, and a block over the whole batch', async () => {
    const model = await load('loop');
    const [one, all] = await model.trace((tracer) => [
      tracer.invoke([...row(1), ...row(1)], () => save(model.block.output)),
      tracer.invoke(() => save(model.block.output)),
    ]);
    expect(one!.toArray()).toEqual(all!.toArray());
    const expected = values.loop[1].block as number[];
    for (const [i, value] of Array.from(one!.data, Number).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });
});
