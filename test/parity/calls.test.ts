import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/toy.ts';
import { loadSmall, parity, rows } from './support.ts';

const { calls } = parity;

/** A block that the model runs twice in one forward pass. */
describe.each(['ts', 'dynamo'])('a module called several times in one forward pass (%s)', (kind) => {
  const load = () => loadSmall(`edge/twice.${kind}`);
  const x = rows(calls.x);

  it('each call is read by its index', async () => {
    const model = await load();
    const outputs = await model.trace(x, () => {
      const outputs = [];
      for (const call of model.block.calls) outputs.push({ input: save(call.input), output: save(call.output) });
      return outputs;
    });
    expect(outputs).toHaveLength(2);
    expectClose(outputs[0]!.input, calls.x);
    expect(outputs[1]!.input.data).toEqual(outputs[0]!.output.data);
  });

  it.each([
    ['first', [0]],
    ['second', [1]],
    ['both', [0, 1]],
  ] as const)('and set: the %s', async (name, indices) => {
    const model = await load();
    const output = await model.trace(x, () => {
      for (const index of indices) model.block.calls[index]!.output *= 2;
      return save(model.output);
    });
    expectClose(output, calls[name]);
  });

  it('a cache keeps each call', async () => {
    const model = await load();
    const cache = await model.trace(x, (tracer) => tracer.cache({ inputs: true }));
    const { output, calls: kept } = cache.block!;
    expect(kept).toHaveLength(2);
    expectClose(kept![0]!.input!, calls.x);
    expect(kept![0]!.output.data).toEqual(output.data);
    expect(kept![1]!.input!.data).toEqual(kept![0]!.output.data);
    const second = await model.trace(x, () => save(model.block.calls[1]!.output));
    expect(kept![1]!.output.data).toEqual(second.data);
  });

  it('the module itself is its first call', async () => {
    const model = await load();
    const output = await model.trace(x, () => {
      model.block.output *= 2;
      return save(model.output);
    });
    expectClose(output, calls.first);
  });

  it('a call that there is not is an error', async () => {
    const model = await load();
    const wrong = model.trace(x, () => save(model.block.calls[2]!.output));
    await expect(wrong).rejects.toThrow(/calls\.test\.ts:\d+:\d+ - .*2/);
  });
});
