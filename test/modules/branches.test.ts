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
