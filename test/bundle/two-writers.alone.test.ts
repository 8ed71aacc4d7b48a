import { intervention, type LanguageModel, save, type Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { expect, it, vi } from 'vitest';
import { writeBundle } from '../../runtime/bundle/build/write.ts';
import { build, freshFolder } from './support/build.ts';

/** What another program does after the next file is written. */
let between: (() => void) | null = null;
vi.mock(import('../../runtime/onnx/replace-file.ts'), async (original) => {
  const real = await original();
  return {
    ...real,
    writeWhole(path, content) {
      real.writeWhole(path, content);
      const now = between;
      between = null;
      now?.();
    },
  };
});

const scaled = (by: number) =>
  intervention((model: LanguageModel) => {
    model.transformer.h[1].output *= by;
    return save(model.lm_head.output);
  });

it('two bundles that are written into one folder at a time end as one of them', async () => {
  const [one, other] = [await build(scaled(2)), await build(scaled(3))];
  const [folder, alone] = [freshFolder(), freshFolder()];
  writeBundle(one, alone);
  between = () => writeBundle(other, folder);
  writeBundle(one, folder);
  const run = async (place: string) => {
    const bundle = await loadBundle(place);
    return [...((await bundle({ input_ids: [[1, 2]] } as never)) as Tensor).data];
  };
  expect(await run(folder)).toEqual(await run(alone));
});

it('and what is written over without end is an error', async () => {
  const [one, other] = [await build(scaled(2)), await build(scaled(3))];
  const folder = freshFolder();
  const again = () => {
    between = null;
    writeBundle(other, folder);
    between = again;
  };
  between = again;
  expect(() => writeBundle(one, folder)).toThrow(/is written to by something else at the same time/);
  between = null;
});
