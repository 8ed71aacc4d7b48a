import { describe, expect, it, vi } from 'vitest';
import { Builder } from '../../runtime/tracing/builder.ts';
import { expectSame, type Make, onTraced } from './same.ts';

/** ONNX is a tree of messages within messages, which can be 100 deep: nothing that grows with a program may nest. */
describe('what is long does not become deep', () => {
  it.each([10, 40, 300])('a loop of %i iterations that a traced break ends', async (count) => {
    await expectSame((T) => {
      'use trace';
      const v = T(count - 4);
      let at = -1;
      let sum = 0;
      for (let i = 0; i < count; i++) {
        sum += v;
        if (v < i) {
          at = i;
          break;
        }
      }
      return { at, sum };
    });
  });

  it.each([10, 40, 300])('a loop of %i iterations that a traced return ends', async (count) => {
    await expectSame((T) => {
      'use trace';
      const first = (limit: number) => {
        for (let i = 0; i < count; i++) if (T(i) > limit) return i;
        return -1;
      };
      return [first(count / 2), first(count), first(-1)];
    });
  });

  it('loops in loops, each with a break', async () => {
    await expectSame((T) => {
      'use trace';
      let sum = T(0);
      for (let i = 0; i < 12; i++) {
        for (let k = 0; k < 12; k++) {
          if (T(k) > i) break;
          sum += k;
        }
        if (sum > 40) break;
      }
      return sum;
    });
  });

  it.each(['for…of', 'while', 'do'])('%s', async (kind) => {
    await expectSame((T) => {
      'use trace';
      const items = Array.from({ length: 50 }, (_, i) => T(i * 2));
      let found = -1;
      let i = 0;
      if (kind === 'for…of') {
        for (const item of items) {
          if (item > 61) {
            found = item;
            break;
          }
        }
      } else if (kind === 'while') {
        while (i < items.length) {
          if (items[i] > 61) break;
          i++;
        }
      } else {
        do {
          if (items[i] > 61) break;
          i++;
        } while (i < items.length);
      }
      return [found, i];
    });
  });

  it('what counts on plain numbers stays plain after a traced break', async () => {
    await expectSame((T) => {
      'use trace';
      const table = ['a', 'b', 'c', 'd', 'e'];
      const named = { a: 1, b: 2, c: 3, d: 4, e: 5 } as Record<string, number>;
      let sum = 0;
      for (let i = 0; i < 5; i++) {
        sum += named[table[i]!]!;
        if (T(i) > 2) break;
      }
      return sum;
    });
  });
});

/** `else if` and `?:` with `count` links, as `f` of a number. */
function chain(T: Make, v: number, kind: string): unknown {
  'use trace';
  let z = -1;
  const x = T(v);
  const bump = () => {
    z = 90;
    return z;
  };
  // biome-ignore format: a link a line
  if (kind === 'else if') {
    if (x < 0) z = 0; else if (x < 1) z = 1; else if (x < 2) z = 2; else if (x < 3) z = 3; else if (x < 4) z = 4;
    else if (x < 5) z = 5; else if (x < 6) z = 6; else if (x < 7) z = 7; else if (x < 8) z = 8; else if (x < 9) z = 9;
    else if (x < 10) z = 10; else if (x < 11) z = 11; else if (x < 12) z = 12; else if (x < 13) z = 13; else if (x < 14) z = 14;
    else if (x < 15) z = 15; else if (x < 16) z = 16; else if (x < 17) z = 17; else if (x < 18) z = 18; else if (x < 19) z = 19;
    else if (x < 20) z = 20; else if (x < 21) z = 21; else if (x < 22) z = 22; else if (x < 23) z = 23; else if (x < 24) z = 24;
    else if (x < 25) z = 25; else if (x < 26) z = 26; else if (x < 27) z = 27; else if (x < 28) z = 28; else if (x < 29) z = 29;
    else if (x < 30) z = 30; else if (x < 31) z = 31; else if (x < 32) z = 32; else if (x < 33) z = 33; else if (x < 34) z = 34;
    else if (x < 35) z = 35; else if (x < 36) z = 36; else if (x < 37) z = 37; else if (x < 38) z = 38; else if (x < 39) z = 39;
    else if (x < 40) z = 40; else if (bump() < x) z += 41; else z += x;
    return z;
  }
  // biome-ignore format: a link a line
  return x < 0 ? 0 : x < 1 ? 1 : x < 2 ? 2 : x < 3 ? 3 : x < 4 ? 4 : x < 5 ? 5 : x < 6 ? 6 : x < 7 ? 7 : x < 8 ? 8
    : x < 9 ? 9 : x < 10 ? 10 : x < 11 ? 11 : x < 12 ? 12 : x < 13 ? 13 : x < 14 ? 14 : x < 15 ? 15 : x < 16 ? 16
    : x < 17 ? 17 : x < 18 ? 18 : x < 19 ? 19 : x < 20 ? 20 : x < 21 ? 21 : x < 22 ? 22 : x < 23 ? 23 : x < 24 ? 24
    : x < 25 ? 25 : x < 26 ? 26 : x < 27 ? 27 : x < 28 ? 28 : x < 29 ? 29 : x < 30 ? 30 : x < 31 ? 31 : x < 32 ? 32
    : x < 33 ? 33 : x < 34 ? 34 : x < 35 ? 35 : x < 36 ? 36 : x < 37 ? 37 : x < 38 ? 38 : x < 39 ? 39 : x < 40 ? 40 : -x;
}

describe.each(['else if', '?:'])('a chain of 40 %s', (kind) => {
  it.each([-1, 0, 17, 39, 41, 99])('for %i', async (v) => {
    await expectSame((T) => chain(T, v, kind));
  });
});

/** Programs that grow with `count`, each with what it gives. */
const GROWING: Readonly<Record<string, (count: number) => Promise<void>>> = {
  async 'early returns'(count) {
    const found = await onTraced((T) => {
      'use trace';
      const v = T(count - 4);
      for (let i = 0; i < count; i++) if (v < i) return i;
      return -1;
    });
    expect(found).toBe(count - 3);
  },
  async continue(count) {
    const found = await onTraced((T) => {
      'use trace';
      const v = T(3);
      let k = 0;
      for (let i = 0; i < count; i++) {
        if (v > i) continue;
        k += 1;
      }
      return k;
    });
    expect(found).toBe(count - 3);
  },
  async switch(count) {
    const found = await onTraced((T) => {
      'use trace';
      const v = T(3);
      let k = 0;
      for (let i = 0; i < count; i++) {
        switch (v) {
          case 1:
            k += 1;
            break;
          case 3:
            k += 2;
            break;
          default:
            k = 0;
        }
      }
      return k;
    });
    expect(found).toBe(count * 2);
  },
};

// Whole, a switch of a thousand rounds is more than one program may be.
const growing = Object.entries(GROWING).filter(
  ([name]) => name !== 'switch' || process.env.ONNSIGHT_SEGMENTS !== 'off',
);
it.each(growing)('takes time in proportion to the number of iterations: %s', async (_, grow) => {
  const run = async (count: number) => {
    const before = process.cpuUsage().user;
    await grow(count);
    return process.cpuUsage().user - before;
  };
  await run(20);
  const few = await run(250);
  const many = await run(1000);
  expect(many / few).toBeLessThan(7);
});

describe('loops that end in one of several ways', () => {
  it.each(['while', 'for…of', 'do'])('%s', async (kind) => {
    await expectSame((T) => {
      'use trace';
      const f = (v: number) => {
        const items = [1, 2, 3];
        let n = 0;
        if (kind === 'for…of') {
          for (const item of items) {
            if (T(v) > 2) break;
            return item + n;
          }
        } else if (kind === 'while') {
          while (items.length > 0) {
            n += items.shift()!;
            if (T(v) > 2) break;
            return n;
          }
        } else {
          do {
            n += items.pop()!;
            if (T(v) > 2) return n * 10;
            if (n > 2) break;
          } while (n < 5);
        }
        return n - 1;
      };
      return [f(1), f(3)];
    });
  });
});

describe('bodies of loops in loops are not recorded again for each trial of those around', () => {
  const nested = (depth: number): Promise<number> =>
    countRecords((T) => {
      'use trace';
      const sums = Array.from({ length: depth }, () => T(0));
      const go = (level: number): void => {
        if (level === depth) return;
        for (const row of T([1, 2])) {
          sums[level] += row;
          go(level + 1);
        }
      };
      go(0);
      return sums;
    });

  it('as many as the square of their depth', async () => {
    expect(await nested(3)).toBeLessThanOrEqual(9);
    expect(await nested(6)).toBeLessThanOrEqual(27);
  });
});

/** How many bodies are recorded for a program. Its result is compared, too. */
async function countRecords(program: (T: Make) => unknown): Promise<number> {
  const record = vi.spyOn(Builder.prototype, 'record');
  try {
    await expectSame(program);
    return record.mock.calls.length;
  } finally {
    record.mockRestore();
  }
}
