import { readFileSync } from 'node:fs';
import { save, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/toy.ts';
import { loadSmall } from './support.ts';

/** Modules that return several tensors, and what PyTorch returns (test/tools/tuples_fixtures.py). */
const values = JSON.parse(readFileSync(new URL('../fixtures/tuples/values.json', import.meta.url), 'utf8'));

describe.each(['ts', 'dynamo'])('a module that returns several tensors (%s)', (kind) => {
  it.each(['policy', 'steps'])(
    'has them in PyTorch’s order, by the order of the outputs made of them: %s',
    async (name) => {
      const model = await loadSmall(`tuples/${name}.${kind}`);
      const found = await model.trace(values[name].x, () => ({
        main: save(model.part.output),
        all: model.part.outputs.map((one: Traced) => save(one)),
      }));
      expectClose(found.main, values[name].part[0]);
      expect(found.all).toHaveLength(2);
      for (const [i, one] of found.all.entries()) expectClose(one!, values[name].part[i]);
      expect(String(model)).toMatch(/\(part\): .*# its outputs stand in the order of the model's/);
    },
  );

  it('where the file does not tell, says so and where else they are', async () => {
    const model = await loadSmall(`tuples/sample.${kind}`);
    const { x, part } = values.sample;
    expect(String(model)).toMatch(/\(part\): .*# the file does not tell the order of its outputs/);
    const read = model.trace(x, () => save(model.part.output));
    await expect(read).rejects.toThrow(
      /tuples\.test\.ts:\d+:\d+ - 'part' returns several tensors, .* first in PyTorch\. Use them where they are made: part\.ops\./,
    );
    const set = model.trace(x, () => {
      model.part.output *= 2;
      return save(model.output);
    });
    await expect(set).rejects.toThrow(/tuples\.test\.ts:\d+:\d+ - 'part' returns several tensors/);
    expectClose(await model.trace(x, () => save(model.part.first.output)), part[0]);
    expect(Object.keys(await model.trace(x as number[][], (tracer) => tracer.cache()))).toEqual([
      'part.first',
      'part.second',
    ]);
  });
});
