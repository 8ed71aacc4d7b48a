import { Tensor, tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { type Make, onPlain, onTraced, outsideOfBlocks, type Program } from '../control-flow/same.ts';

/*
 * What one trace gave, in the block of the next one, and in a helper with 'use trace' that is called outside of blocks:
 * it is the number that it holds, not an object. The same code on plain numbers says what is right.
 */
const result: Make = (value) => Tensor.from(value as number, 'float32');

const programs: Readonly<Record<string, Program>> = {
  'the condition of if, else if, ?: and while': (R) => {
    'use trace';
    let n = 0;
    if (R(0)) n = 1;
    else if (R(2)) n = 2;
    let t = R(3);
    while (t) {
      t -= 1;
      n += R(0) ? 100 : 10;
    }
    return [n, R(Number.NaN) ? 1 : 2];
  },
  '&&, ||, ! and their assignments': (R) => {
    'use trace';
    let a = R(0);
    let b = R(4);
    a ||= 7;
    b &&= 5;
    return [R(0) || 5, R(3) && 7, R(0) && 7, !R(0), !!R(0), !!R(3), a, b, (R(0) ?? 9) + 1];
  },
  equality: (R) => {
    'use trace';
    const t = R(3);
    // biome-ignore lint/suspicious/noDoubleEquals: it is tried, too.
    const loose = [R(3) == 3, R(3) == '3', R(3) != null, R(0) == null];
    // biome-ignore lint/suspicious/noSelfCompare: NaN is not itself.
    return [...loose, t === 3, t !== 3, t === t, R(3) === R(3), R(Number.NaN) !== R(Number.NaN), t === undefined];
  },
  switch: (R) => {
    'use trace';
    let n = 0;
    switch (R(1)) {
      case 0:
        n = 10;
        break;
      case 1:
        n = 11;
        break;
      default:
        n = 12;
    }
    return n;
  },
  'look-ups by value': (R) => {
    'use trace';
    const has = [[R(2), 3].includes(2), [1, 2].includes(R(2)), new Set([1, 2]).has(R(2)), new Map([[2, 5]]).has(R(3))];
    return [...has, [1, 2].indexOf(R(2)), [R(2)].lastIndexOf(2), new Map([[2, 5]]).get(R(2)) ?? 1, Object.is(R(3), 3)];
  },
  'places in arrays': (R) => {
    'use trace';
    const a = [5, 6, 7];
    a[R(0)] = 9;
    return [a[R(1)], a.at(R(-1)), a];
  },
  'methods that a function decides for': (R) => {
    'use trace';
    const list = [R(0), R(1)];
    const found = [list.find((v) => v) ?? 8, list.findIndex((v) => v), list.some((v) => v), list.every((v) => v)];
    return [...found, list.filter(Boolean).length, list.filter((v) => !v).length];
  },
  'typeless questions': (R) => {
    'use trace';
    return [Boolean(R(0)), Number.isInteger(R(3)), Number.isInteger(R(3.5)), Number.isNaN(R(Number.NaN)), Number(R(4))];
  },
  'rows of a tensor': (R) => {
    'use trace';
    let n = 0;
    for (const v of R([1, 0, 3])) if (v) n += v;
    const [a, b] = R([1, 2]);
    return [n, a === 1, b === 3, R([4, 5, 6]).length];
  },
};

describe.each(Object.entries(programs))('%s', (_, program) => {
  it('is about the number in a block', async () => {
    expect(await onTraced(program, result)).toEqual(onPlain(program));
  });

  it('is about the number outside of blocks', () => {
    expect(outsideOfBlocks(program, result)).toEqual(onPlain(program));
  });
});

describe('a result of several elements', () => {
  const several = Tensor.from([1, 2], 'float32') as unknown as number;

  it('is no condition', async () => {
    const program: Program = () => {
      'use trace';
      return several ? 1 : 2;
    };
    const message = /results\.test\.ts:\d+:\d+ - Boolean value of a tensor with 2 values is ambiguous.*!== undefined/;
    await expect(onTraced(program)).rejects.toThrow(message);
    expect(() => outsideOfBlocks(program, result)).toThrow(message);
  });

  it('has no equality of one truth value outside of blocks', () => {
    const program: Program = () => {
      'use trace';
      return [several === undefined, several === null, several === (result([1, 2]) as number)];
    };
    expect(() => outsideOfBlocks(program, result)).toThrow(/results\.test\.ts:\d+:\d+ - === compares tensors/);
  });

  it('is found by itself', async () => {
    const other = tensor([1, 2]) as unknown as number;
    const program: Program = () => {
      'use trace';
      return [[other, several].indexOf(several), [other].includes(several), new Set([several]).has(several)];
    };
    expect(await onTraced(program)).toEqual([1, 0, 1]);
    expect(outsideOfBlocks(program, result)).toEqual([1, 0, 1]);
  });

  it('is not indexed by the text of a list outside of blocks', () => {
    const program: Program = () => {
      'use trace';
      return (several as unknown as Record<string, number>)[[0, 1] as unknown as string];
    };
    expect(() => outsideOfBlocks(program, result)).toThrow(/indexSelect/);
  });

  it('of truths counts as 0 and 1, as in a block', async () => {
    const truths = Tensor.from([true, false], 'bool') as unknown as number;
    const program: Program = () => {
      'use trace';
      return [truths + truths, -truths];
    };
    const inBlock = await onTraced(program);
    expect(outsideOfBlocks(program, result)).toEqual(inBlock);
    expect(inBlock).toEqual([
      [2, 0],
      [-1, 0],
    ]);
  });
});
