import { NNsight, save } from 'onnsight';
import { expect, it } from 'vitest';
import { modelPath, reference } from '../support/fixtures.ts';
import { expectClose } from '../support/toy.ts';

const exporters = ['ts', 'dynamo'] as const;

it.each(exporters)(
  'parts of blocks that their parent calls, too, have the calls that PyTorch saw (%s)',
  async (kind) => {
    const { inputs, modules } = reference('edge/borrowed');
    // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
    const model: any = await NNsight.load(modelPath('edge/borrowed', kind), { device: 'cpu' });
    const { dims, data } = inputs.x!;
    const x = Array.from({ length: dims[0]! }, (_, i) => data.slice(i * dims[1]!, (i + 1) * dims[1]!));
    const read = Object.entries(modules).flatMap(([path, calls]) => calls.map((call, i) => ({ path, i, call })));
    const found = await model.trace({ x }, () => {
      'use trace';
      return read.map(({ path, i }) => save(model.get(path).calls[i].output));
    });
    read.forEach(({ path, i, call }, k) => {
      expectClose(found[k], call, `${path} ${i}`);
    });
    for (const [path, calls] of Object.entries(modules)) expect(model.get(path).calls.length, path).toBe(calls.length);
  },
);
