import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { map, RemoteError, Tensor } from 'onnsight';
import { afterAll, describe, expect, it, vi } from 'vitest';

const pauses: number[] = [];
vi.mock('node:timers/promises', () => ({ setTimeout: async (milliseconds: number) => pauses.push(milliseconds) }));

const folder = mkdtempSync(join(tmpdir(), 'onnsight-map-'));
afterAll(() => rmSync(folder, { recursive: true }));

const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('map', () => {
  it('gives results in the order of the inputs, and runs as many at once as it is told', async () => {
    let running = 0;
    let most = 0;
    const told: number[] = [];
    const run = async (wait: number) => {
      most = Math.max(most, ++running);
      await later(wait);
      running--;
      return wait * 2;
    };
    const onProgress = (done: number, total: number) => told.push(done, total);
    expect(await map([30, 1, 20, 1, 10], run, { concurrency: 3, onProgress })).toEqual([60, 2, 40, 2, 20]);
    expect(most).toBe(3);
    expect(told).toEqual([1, 5, 2, 5, 3, 5, 4, 5, 5, 5]);
    expect(await map([], run)).toEqual([]);
  });

  it('goes on from its file after an error, with what was there', async () => {
    const file = join(folder, 'sweep.jsonl');
    let limit = 3;
    const ran: number[] = [];
    const run = async (x: number) => {
      if (ran.length === limit) throw new Error('out of patience');
      ran.push(x);
      return { sum: Tensor.from([x, 0.1 + x], 'float64'), parts: [Tensor.from(2n ** 60n), null, `n${x}`, true] };
    };
    const inputs = [1, 2, 3, 4, 5];
    await expect(map(inputs, run, { concurrency: 1, file })).rejects.toThrow('out of patience');
    // The program was ended while it wrote.
    appendFileSync(file, '{"index":3,"res');
    limit = Number.POSITIVE_INFINITY;
    const results = await map(inputs, run, { file });
    expect(ran).toEqual([1, 2, 3, 4, 5]);
    expect(results.map(({ sum }) => sum.toArray())).toEqual(inputs.map((x) => [x, 0.1 + x]));
    expect(results[0]!.parts.map((part: unknown) => (part instanceof Tensor ? part.toArray() : part))).toEqual([
      2n ** 60n,
      null,
      'n1',
      true,
    ]);
    expect((await map(inputs, run, { file }))[4]!.sum.toArray()).toEqual([5, 5.1]);
    expect(ran).toHaveLength(5);
    expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(7);
    const other = /map\.alone\.test\.ts:\d+:\d+ - .*sweep\.jsonl does not have the results of this sweep/;
    await expect(map([1, 2], run, { file })).rejects.toThrow(other);
    await expect(map(inputs, async (x) => x, { file })).rejects.toThrow(other);
    appendFileSync(file, '{"index":3}x\n');
    await expect(map(inputs, run, { file })).rejects.toThrow(/sweep\.jsonl:7 is not a result .* Remove the line/);
  });

  it('tells inputs apart that are the same in JSON, and runs one that comes twice as often', async () => {
    const file = join(folder, 'numbers.jsonl');
    const run = async (x: unknown, index: number) => `${String(x)} at ${index}`;
    expect(await map([Number.NaN, Number.NaN], run, { file })).toEqual(['NaN at 0', 'NaN at 1']);
    for (const inputs of [
      [null, Number.NaN],
      [Number.NaN, Number.POSITIVE_INFINITY],
      [Number.NaN, new Map([['a', 1]])],
    ]) {
      await expect(map(inputs, run, { file })).rejects.toThrow(/does not have the results of this sweep/);
    }
  });

  it('leaves a file alone that is none of its own', async () => {
    const file = join(folder, 'notes.txt');
    for (const text of ['one line', 'a line\nand another one']) {
      writeFileSync(file, text);
      await expect(map([1], async (x) => x, { file })).rejects.toThrow(/notes\.txt does not have the results/);
      expect(readFileSync(file, 'utf8')).toBe(text);
    }
  });

  it('tries again what may succeed a little later, and nothing else', async () => {
    const failing = (error: Error) => {
      let tried = 0;
      return async () => {
        if (++tried < 3) throw error;
        return tried;
      };
    };
    const busy = new RemoteError('busy', true);
    expect(await map([0], failing(busy), { retries: 2 })).toEqual([3]);
    expect(pauses).toEqual([1000, 2000]);
    await expect(map([0], failing(busy), { retries: 0 })).rejects.toBe(busy);
    const refused = new RemoteError('refused', false);
    await expect(map([0], failing(refused))).rejects.toBe(refused);
  });

  it('refuses options that it does not have, and results that no file holds', async () => {
    await expect(map([1], async (x) => x, { parallel: 2 } as object)).rejects.toThrow(
      /map\.alone\.test\.ts:\d+:\d+ - .*parallel/,
    );
    await expect(map([1], async (x) => x, { concurrency: 0 })).rejects.toThrow(/concurrency of map is a whole number/);
    await expect(map([1], async () => Number.NaN, { file: join(folder, 'nan.jsonl') })).rejects.toThrow(
      /holds tensors, finite numbers.* not NaN/,
    );
    const around: object[] = [];
    around.push(around);
    await expect(map([1], async () => around, { file: join(folder, 'around.jsonl') })).rejects.toThrow(
      /up to 500 deep/,
    );
  });

  it('says at its line that its file cannot be used', async () => {
    for (const file of [folder, join(folder, 'nowhere', 'results.jsonl'), 'a\0b']) {
      await expect(map([1], async (x) => x, { file })).rejects.toThrow(
        /map\.alone\.test\.ts:\d+:\d+ - The file of results .* cannot be used: /,
      );
    }
  });
});
