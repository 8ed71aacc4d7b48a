import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { LanguageModel, NNsight, ReuseScope, type RunStats, save } from 'onnsight';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { expectResults } from '../reference/expect-results.ts';
import { loadToy, reference, TOY } from '../support/toy.ts';
import { difference } from './engines.ts';

type Toy = Awaited<ReturnType<typeof loadToy>>;

const PROMPT = 'The Eiffel Tower is in the city of';
const FUSED = ['the whole model (fused)'];

const load = (folder = TOY) => LanguageModel.load(folder, { device: 'cpu', fuse: true });

const threads: Worker[] = [];
const remember = (worker: Worker) => threads.push(worker);

let segments: Toy;
let lm: Toy;

beforeAll(async () => {
  // A model that always runs whole has nothing to fuse.
  vi.stubEnv('ONNSIGHT_SEGMENTS', 'layers');
  process.on('worker', remember);
  segments = await loadToy();
});
afterAll(() => {
  vi.unstubAllEnvs();
  process.off('worker', remember);
});
beforeEach(async () => {
  threads.length = 0;
  lm = await load();
});

/** Runs a trace: what it gave, and the names of its dispatches. */
async function ran<T>(trace: (options: { onStats: (stats: RunStats) => void }) => Promise<T>) {
  let dispatches: readonly string[] = [];
  const onStats = (stats: RunStats) => {
    dispatches = stats.dispatches.map(({ name }) => name);
  };
  const result = await trace({ onStats });
  return { result, dispatches };
}

/** A block whose structure is that of the layer. */
const scaled = (model: Toy, layer: number, factor = 0.5, prompt = PROMPT) =>
  ran((options) =>
    model.trace(
      prompt,
      () => {
        model.transformer.h[layer].output *= factor;
        return save(model.lm_head.output);
      },
      options,
    ),
  );

/** Runs something until it is fused, and gives how many runs were not. */
async function untilFused(run: () => Promise<{ dispatches: readonly string[] }>): Promise<number> {
  for (let i = 0; i < 2000; i++) if ((await run()).dispatches.join() === FUSED.join()) return i;
  throw new Error('It was not fused in 2000 runs.');
}

async function times(count: number, run: () => Promise<{ dispatches: readonly string[] }>) {
  const seen = [];
  for (let i = 0; i < count; i++) seen.push((await run()).dispatches);
  return seen;
}

/** Compares a block with the model that has only segments. */
async function expectSame(layer: number, factor?: number, prompt?: string): Promise<void> {
  const [one, other] = [await scaled(lm, layer, factor, prompt), await scaled(segments, layer, factor, prompt)];
  expect(other.dispatches.length).toBeGreaterThan(5);
  const largest = Math.max(...Array.from(other.result.data, Math.abs));
  expect(difference([one.result], [other.result])).toBeLessThan(1e-5 * largest);
}

describe('a block that runs often', () => {
  it('becomes one session, which gives what the segments give, with other numbers and inputs too', async () => {
    expect(await untilFused(() => scaled(lm, 1))).toBeGreaterThanOrEqual(5);
    await expectSame(1);
    await expectSame(1, -3);
    await expectSame(1, 0.25, 'The Colosseum is in');
    expect((await scaled(lm, 1, 7)).dispatches).toEqual(FUSED);
  });

  it('gives what PyTorch gives', async () => {
    const scale = () =>
      ran((options) =>
        lm.trace(
          [reference.ids.clean],
          () => {
            lm.transformer.h[1].output *= 0.5;
            return save(lm.lm_head.output['0, -1']);
          },
          options,
        ),
      );
    await untilFused(scale);
    const { result, dispatches } = await scale();
    expect(dispatches).toEqual(FUSED);
    expectResults('scale', { logits: result });
  });

  it('leaves the data of the user where it is', async () => {
    const direction = Float32Array.from({ length: 128 }, (_, i) => i);
    const ids = BigInt64Array.from(reference.ids.clean, BigInt);
    const steered = () =>
      ran((options) =>
        lm.trace(
          { input_ids: [ids] as never },
          () => {
            lm.transformer.h[1].output += direction;
            return save(lm.lm_head.output);
          },
          options,
        ),
      );
    await untilFused(steered);
    expect(direction[127]).toBe(127);
    expect(Array.from(ids, Number)).toEqual(reference.ids.clean);
  });

  it('is compiled in another thread, and the event loop goes on while it runs there', async () => {
    await scaled(lm, 1);
    const create = vi.spyOn(InferenceSession, 'create');
    await untilFused(() => scaled(lm, 1));
    expect(create).not.toHaveBeenCalled();
    create.mockRestore();
    const turns = async (model: Toy) => {
      let count = 0;
      let timer = setImmediate(function turn() {
        count++;
        timer = setImmediate(turn);
      });
      const found = [];
      for (let i = 0; i < 5; i++) {
        count = 0;
        await scaled(model, 1);
        found.push(count);
      }
      clearImmediate(timer);
      return Math.max(...found);
    };
    await scaled(segments, 1);
    expect(await turns(lm)).toBeGreaterThan(2 * (await turns(segments)));
  });

  it('ends when its signal says so', async () => {
    await untilFused(() => scaled(lm, 1));
    const controller = new AbortController();
    const run = lm.trace(
      PROMPT,
      () => {
        lm.transformer.h[1].output *= 2;
        return save(lm.lm_head.output);
      },
      { signal: controller.signal },
    );
    const reason = new Error('enough');
    once(threads[0]!, 'message').then(() => controller.abort(reason));
    await expect(run).rejects.toBe(reason);
    expect((await scaled(lm, 1)).dispatches).toEqual(FUSED);
  });

  it('fails as the segments do', async () => {
    const shifted = (model: Toy, shift: number) =>
      ran((options) =>
        model.trace(
          PROMPT,
          () => {
            model.transformer.wte.input += shift;
            return save(model.lm_head.output);
          },
          options,
        ),
      );
    await untilFused(() => shifted(lm, 0));
    const message = await shifted(segments, 500).catch(String);
    expect(message).toMatch(/out of range of transformer\.wte\.weight.*Look at what the block sets/);
    expect(await shifted(lm, 500).catch(String)).toBe(message);
    expect((await shifted(lm, 1)).dispatches).toEqual(FUSED);
  });
});

describe('what is fused', () => {
  it('are two blocks: one that runs often takes the place of one that does not run any more', async () => {
    await untilFused(() => scaled(lm, 0));
    await untilFused(() => scaled(lm, 1));
    await untilFused(() => scaled(lm, 2));
    expect((await scaled(lm, 1)).dispatches).toEqual(FUSED);
    expect((await scaled(lm, 0)).dispatches).not.toEqual(FUSED);
    await expectSame(2);
  });

  it('stays while blocks take turns', async () => {
    await untilFused(() => scaled(lm, 0));
    await untilFused(() => scaled(lm, 1));
    for (let i = 0; i < 20; i++) {
      expect((await scaled(lm, 2)).dispatches).not.toEqual(FUSED);
      expect((await scaled(lm, 0)).dispatches).toEqual(FUSED);
      expect((await scaled(lm, 1)).dispatches).toEqual(FUSED);
    }
  });

  it('is nothing that shares a scope', async () => {
    const reuse = new ReuseScope();
    const seen = await times(20, () =>
      ran((options) => lm.trace(PROMPT, () => save(lm.lm_head.output), { ...options, reuse })),
    );
    expect(seen).not.toContainEqual(FUSED);
    expect(threads).toEqual([]);
  });
});

describe('a block goes on in segments', () => {
  const warning = () => once(process, 'warning').then(([{ name, message }]) => `${name}: ${message}`);
  const SAID =
    /^FuseWarning: The thread of the fused blocks has ended\. They run in segments until they are fused anew/;

  it('when the thread ends while it is idle, and says so', async () => {
    await untilFused(() => scaled(lm, 1));
    await threads[0]!.terminate();
    const said = warning();
    await expectSame(1);
    expect(await said).toMatch(SAID);
    // It is fused anew, in another thread.
    await untilFused(() => scaled(lm, 1));
    expect(threads).toHaveLength(2);
    await expectSame(1);
  });

  it('when the thread ends while it is waited for: it is fused once more, and no oftener', async () => {
    const end = async (thread: Worker) => {
      const ended = once(thread, 'error');
      const said = warning();
      // A message that it cannot read.
      thread.postMessage(null);
      await expectSame(1);
      await ended;
      await expectSame(1);
      expect(await said).toMatch(SAID);
    };
    await untilFused(() => scaled(lm, 1));
    await end(threads[0]!);
    await untilFused(() => scaled(lm, 1));
    expect(threads).toHaveLength(2);
    await end(threads[1]!);
    expect(await times(20, () => scaled(lm, 1))).not.toContainEqual(FUSED);
  });

  it('when its session cannot be made', async () => {
    const send = Worker.prototype.postMessage;
    const spoiled = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (
      this: Worker,
      message,
      list,
    ) {
      if (message.task?.kind === 'create') message.task.model = new Uint8Array([1]);
      send.call(this, message, list);
    });
    while (threads.length === 0) await scaled(lm, 1);
    const [answer] = await once(threads[0]!, 'message');
    spoiled.mockRestore();
    expect(answer.error).toMatch(/Failed to load model/);
    expect(await times(20, () => scaled(lm, 1))).not.toContainEqual(FUSED);
    await expectSame(1);
  });
});

describe('fuse is refused', () => {
  it('for a model that is never cut', async () => {
    const mlp = new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url).pathname;
    await expect(NNsight.load(mlp, { device: 'cpu', fuse: true })).rejects.toThrow(
      /fusing\.test\.ts:\d+:\d+ - fuse would do nothing/,
    );
  });
});
