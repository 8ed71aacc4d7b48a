import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { loadToy } from '../support/toy.ts';
import { clean, fact } from './support.ts';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;
const lm = await loadToy();

/** Waits until nothing holds an object any more; false if something does. */
async function isReleased(reference: WeakRef<object>): Promise<boolean> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
    if (reference.deref() === undefined) return true;
  }
  return false;
}

describe('memory is released when a trace ends', () => {
  it.each<[string, (see: (value: unknown) => void) => Promise<unknown>]>([
    [
      'values of the block',
      (see) =>
        lm.trace(clean, () => {
          see(lm.transformer.h[0].output);
          return save(lm.lm_head.output);
        }),
    ],
    [
      'after a stop',
      (see) =>
        lm.trace(clean, (tracer) => {
          const first = save(lm.transformer.h[0].output);
          tracer.stop();
          see(lm.transformer.h[1].output);
          return first;
        }),
    ],
    [
      'after an error',
      (see) =>
        lm
          .trace(clean, () => {
            see(lm.transformer.h[0].output);
            return save(lm.transformer.h[0].output[':, 99']);
          })
          .catch(() => {}),
    ],
    [
      'in a session',
      (see) =>
        lm.session((session) => {
          session.trace(clean, () => see(lm.transformer.h[0].output));
        }),
    ],
    [
      'in a generation',
      (see) =>
        lm.generate(fact, { maxNewTokens: 2, stopTokens: [] }, () => {
          see(lm.transformer.h[0].output);
        }),
    ],
  ])('%s', async (_, run) => {
    let seen: WeakRef<object> | undefined;
    await run((value) => {
      seen = new WeakRef(value as object);
    });
    expect(await isReleased(seen!)).toBe(true);
  });

  it('saved tensors, once nobody holds them, however the model is cut', async () => {
    for (const [segmentation, lm] of await loadEachWay(loadToy)) {
      const run = async () => new WeakRef(await lm.trace(clean, () => save(lm.transformer.h[0].output * 2)));
      expect(await isReleased(await run()), segmentation).toBe(true);
    }
  });

  it('saved tensors one by one: of an object, of a list, and across the traces of a session', async () => {
    const run = async () => {
      const { kept, dropped, list } = await lm.trace(clean, () => ({
        kept: save(lm.transformer.h[0].output),
        dropped: save(lm.transformer.h[2].output),
        list: [save(lm.transformer.h[1].output * 2)],
      }));
      const inSession = await lm.session((session) => {
        const first = session.trace(clean, () => save(lm.transformer.h[0].output * 3));
        session.trace(clean, () => save(lm.transformer.h[1].output + first));
        return first;
      });
      return { kept, gone: [dropped, dropped.data, list, list[0]!, inSession].map((one) => new WeakRef<object>(one)) };
    };
    const { kept, gone } = await run();
    for (const one of gone) expect(await isReleased(one)).toBe(true);
    expect(kept.dims).toEqual([1, 15, 128]);
  });

  it('a model', async () => {
    const load = async () => {
      const model = await loadToy();
      await model.trace(clean, () => save(model.lm_head.output));
      return new WeakRef(model);
    };
    expect(await isReleased(await load())).toBe(true);
  });
});
