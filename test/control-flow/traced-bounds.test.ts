import { gather, indexSelect, save, scatter, scatterAdd, type Traced, take } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { small, traced, tracedInt } from '../meaning/support.ts';

/** Two rows of three: [[0, 1, 2], [3, 4, 5]]. */
function grid(): number[][] {
  'use trace';
  return traced([0, 1, 2, 3, 4, 5]).reshape(2, 3) as unknown as number[][];
}
const outside =
  /traced-bounds\.test\.ts:\d+:\d+ - The model could not run with this intervention: .*(out of range|out of bounds|out of data bounds|an index is below 0)/i;
const list = (...values: number[]) => {
  'use trace';
  return traced(values).long() as unknown as number;
};

/** One index for each column. */
const everywhere = (i: number) => {
  'use trace';
  return ((list(0, 0, 0) + i) as Traced).reshape(1, 3);
};

/** What is right at the last place and fails one behind it, in front of the first and in between. */
const READS: Readonly<Record<string, (i: number) => unknown>> = {
  'of a row': (i) => {
    'use trace';
    return grid()[i];
  },
  'of a row, then of an element': (i) => {
    'use trace';
    return grid()[i]![1];
  },
  'of an element in a row': (i) => {
    'use trace';
    return grid()[1]![i + 1];
  },
  'in a list of rows': (i) => {
    'use trace';
    return grid()[list(0, 1) * 0 + i];
  },
  'by gather': (i) => {
    'use trace';
    return gather(grid() as unknown as number, 0, everywhere(i));
  },
  'by indexSelect': (i) => {
    'use trace';
    return indexSelect(grid() as unknown as number, 0, i);
  },
  'by take': (i) => {
    'use trace';
    return take(grid() as unknown as number, i < 0 ? i : i + 4);
  },
};

const WRITES: Readonly<Record<string, (y: number[][], i: number) => void>> = {
  'to a row': (y, i) => {
    'use trace';
    (y as unknown as number[])[i] = 9;
  },
  'to an element of a row': (y, i) => {
    'use trace';
    y[i]![1] = 9;
  },
  'to an element in a row': (y, i) => {
    'use trace';
    y[1]![i + 1] = 9;
  },
  'that adds to a row': (y, i) => {
    'use trace';
    (y as unknown as number[])[i]! += 9;
  },
  'to a list of rows': (y, i) => {
    'use trace';
    (y as unknown as number[])[list(0) * 0 + i] = 9;
  },
};

describe.each(Object.entries(READS))('a read %s', (name, read) => {
  const run = (i: number) => small.trace(() => save(read(tracedInt(i)) as number));

  it('is right at the last place, and counted from the end where PyTorch counts so', async () => {
    const last = await run(1);
    if (name === 'of an element in a row') return;
    if (name === 'by gather' || name === 'by indexSelect') await expect(run(-1)).rejects.toThrow(outside);
    else expect(await run(-1)).toEqual(last);
  });

  it.each([2, 99, -7])('fails the run outside: %d', async (i) => {
    await expect(run(i)).rejects.toThrow(outside);
  });
});

describe.each(Object.entries(WRITES))('a write %s', (name, write) => {
  const run = (i: number) =>
    small.trace(() => {
      const y = grid();
      write(y, tracedInt(i));
      return save(y);
    });

  it('changes what is there and nothing else', async () => {
    const plain = [
      [0, 1, 2],
      [3, 4, 5],
    ];
    const wanted = {
      'to a row': [
        [0, 1, 2],
        [9, 9, 9],
      ],
      'to an element of a row': [
        [0, 1, 2],
        [3, 9, 5],
      ],
      'to an element in a row': [
        [0, 1, 2],
        [3, 4, 9],
      ],
      'that adds to a row': [
        [0, 1, 2],
        [12, 13, 14],
      ],
      'to a list of rows': [
        [0, 1, 2],
        [9, 9, 9],
      ],
    }[name];
    expect(await run(1)).toEqual(wanted);
    expect(await small.trace(() => save(grid()))).toEqual(plain);
  });

  it.each([2, 99, -7])('fails the run outside: %d', async (i) => {
    await expect(run(i)).rejects.toThrow(outside);
  });
});

describe('scatter', () => {
  const sevens = () => {
    'use trace';
    return traced([7, 7, 7]).reshape(1, 3);
  };

  it.each([2, -1, -3])('puts and adds nothing outside: %d', async (i) => {
    const puts = small.trace(() => save(scatter(grid() as unknown as number, 0, everywhere(i), sevens())));
    await expect(puts).rejects.toThrow(outside);
    const adds = small.trace(() => save(scatterAdd(grid() as unknown as number, 0, everywhere(i), sevens())));
    await expect(adds).rejects.toThrow(outside);
  });
});
