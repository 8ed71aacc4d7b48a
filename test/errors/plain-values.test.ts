import { any, save, tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { clean, lm, marked, rejection } from './support.ts';

const { lineOf, traceFails } = marked(import.meta.url);

describe('what a graph cannot hold', () => {
  it('a template string of a tensor', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        const text = `norm ${h.norm()}`; // @template
        return { text, saved: save(h) };
      }),
      'template',
      /template string.*console\.log/,
    ));

  it('a throw under a traced condition', () =>
    traceFails(
      lm.trace(clean, () => {
        const norm = lm.transformer.h[0].output.norm();
        if (norm > 1) {
          throw new Error('too long'); // @throw
        }
        return save(norm);
      }),
      'throw',
      /is thrown out of a branch or loop/,
    ));

  it('a condition of several elements', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        if (h > 0) lm.transformer.h[1].output *= 2; // @ambiguous
        return save(lm.lm_head.output);
      }),
      'ambiguous',
      /ambiguous \(its dims are \[1,15,128\]\)\. Reduce it with any\(\) or all\(\)/,
    ));
});

const direction = Float32Array.from({ length: 128 }, () => 1);
const list: number[] = [1, 2];

/** Each row: what is written, the block, the remedy. */
function arrays(): [string, () => unknown, RegExp][] {
  'use trace';
  return [
    ['a typed array', () => save(hidden() + (direction as never) * 2), /tensor\(array\) \* 2/],
    ['a list behind a number', () => save(hidden() + 2 * (list as never)), /2 \* tensor\(array\)/],
    ['a sum', () => save(hidden() + ((direction as never) + (1 as never))), /tensor\(array\) \+ 1/],
    ['a comparison', () => save(hidden() * ((list as never) > 0 ? 1 : 2)), /tensor\(array\) > 0/],
    ['a function of Math', () => save(hidden() * Math.sqrt(direction as never)), /Math\.sqrt\(tensor\(array\)\)/],
    ['the greatest', () => save(hidden() * Math.max(1, list as never)), /Math\.max\(tensor\(array\)\)/],
    ['Number', () => save(hidden() * Number(direction)), /: tensor\(array\)/],
    ['parseFloat', () => save(hidden() * parseFloat(list as never)), /: tensor\(array\)/],
    // biome-ignore lint/suspicious/noGlobalIsNan: the mistake itself
    ['isNaN', () => save(hidden() * (isNaN(direction as never) ? 1 : 2)), /: tensor\(array\)/],
    // biome-ignore lint/suspicious/noDoubleEquals: the mistake itself
    ['equality', () => save(hidden() * ((direction as never) == 1 ? 1 : 2)), /tensor\(array\) == 1/],
    ['a sign', () => save(hidden() * -(direction as never)), /-tensor\(array\)/],
  ];
}

describe('arithmetic on arrays, which is NaN', () => {
  it.each(arrays())('%s', async (_, block, says) => {
    const error = await rejection(lm.trace(clean, () => block()));
    expect(error.message).toMatch(/^test\/errors\/plain-values\.test\.ts:\d+:\d+ - JavaScript does not compute/);
    expect(error.message).toMatch(says);
  });

  it('what JavaScript gives for arrays of one number, and functions that are handed on, stay', async () => {
    const given = await lm.trace(clean, () => {
      const one = Math.sqrt([4] as never) + Number([5]) + parseFloat([6] as never);
      const mapped = [1, -2].map(Math.abs).map(Number).map(Math.sign);
      return { one, mapped, same: (list as never) == null, saved: save(hidden().norm()) };
    });
    expect(given).toMatchObject({ one: 13, mapped: [1, 1], same: false });
  });

  it('as a tensor it is computed', async () => {
    const { once, doubled } = await lm.trace(clean, () => {
      const h = hidden();
      return { once: save(h), doubled: save(h + tensor(direction) * 2) };
    });
    expect(doubled.data[0]).toBeCloseTo(once.data[0]! + 2, 5);
  });
});

const hidden = () => lm.transformer.h[0].output;
const norm = () => lm.transformer.h[0].output.norm();

function masked(): number[] {
  'use trace';
  const h = hidden();
  return h[(h > 0) as never] as never;
}

// biome-ignore-start lint: these are the mistakes themselves.
/** What JavaScript wants to know of a value at once. Each row: the mark of the line, the block, what the error says. */
function mistakes(): [string, () => unknown, RegExp][] {
  'use trace';
  return [
    ['joined', () => 'norm ' + norm(), /joined to a text.*console\.log\(tensor\)/], // @joined
    ['joined behind', () => norm() + ' is it', /joined to a text.*save\(\) it and format/], // @joined behind
    ['String', () => String(norm()), /given to String\(\).*console\.log/], // @String
    ['Number', () => Number(hidden()), /Number\(\) is given a traced tensor.*no value before the model runs.*save\(\)/], // @Number
    ['Boolean', () => Boolean(hidden()), /Boolean\(\) is given a traced tensor/], // @Boolean
    ['parseInt', () => parseInt(norm() as never, 10), /parseInt\(\) is given a traced tensor/], // @parseInt
    ['isNaN', () => isNaN(hidden()), /isNaN\(\) is given a traced tensor/], // @isNaN
    ['isInteger', () => Number.isInteger(hidden()), /Number\.isInteger\(\) is given a traced tensor/], // @isInteger
    ['Object.is', () => Object.is(hidden(), 1), /Object\.is\(\) is given a traced tensor/], // @Object.is
    ['imul', () => Math.imul(norm(), 2), /Math\.imul has no meaning for tensors.*abs, .*tanh/], // @imul
    ['shift', () => lm.lm_head.output << 2, /<< has no meaning for tensors\. Write x \* 2 \*\* n/], // @shift
    ['in', () => 1 in (hidden() as never), /`in` asks an object for a key.*any\(tensor == value\)/], // @in
    ['delete', () => delete (hidden() as never)['0'], /'0' of a traced tensor cannot be deleted.*slice/], // @delete
    ['JSON', () => JSON.stringify({ at: [norm()] }), /as JSON.*JSON\.stringify\(result\.toArray\(\)\)/], // @JSON
    ['keys', () => Object.keys(hidden()), /keys of a traced tensor.*for…of/], // @keys
    ['object spread', () => ({ ...(hidden() as object) }), /keys of a traced tensor.*for…of/], // @object spread
    ['join', () => [norm()].join(), /join\(\) wants a text.*console\.log/], // @join
    ['key', () => ({ [norm()]: 1 }), /traced tensor is the name of a property.*no value before the model runs/], // @key
    ['own map', () => new Uint8Array([norm()]), /wants a number/], // @own map
    [
      'for in',
      () => {
        for (const key in hidden() as object) return key; // @for in
        return null;
      },
      /for…in depends on a traced tensor.*for…of/,
    ],
    ['sort', () => [norm(), norm()].sort(), /sort\(\) without a function compares texts.*sort\(\(a, b\) => a - b\)/], // @sort
    ['array spread', () => [...masked()], /cannot be spread or destructured.*only when the model runs/], // @array spread
    ['Array.from', () => Array.from(masked()), /cannot be spread or destructured.*for…of/], // @Array.from
    [
      'rest',
      () => {
        const [first, ...others] = masked(); // @rest
        return [first, others];
      },
      /cannot be spread or destructured/,
    ],
    [
      'scalar rows',
      () => {
        const [first] = norm() as never as number[]; // @scalar rows
        return first;
      },
      /without dimensions has no rows/,
    ],
    ['item', () => norm().item(), /'item' is read of a traced tensor.*with save\(\)/], // @item
    ['dims', () => (hidden() as never as { dims: unknown }).dims, /'dims' is read .*in the block there is shape/], // @dims
    ['member', () => (hidden() as never as { shpae: unknown }).shpae, /no member 'shpae'; did you mean shape\?/], // @member
    ['method', () => (hidden() as never as { sofmax(): 1 }).sofmax(), /no member 'sofmax'; did you mean softmax\?/], // @method
  ];
}
// biome-ignore-end lint: these are the mistakes themselves.

it.each(mistakes())('wants a value at once: %s', (mark, block, says) =>
  traceFails(
    lm.trace(clean, () => {
      lm.transformer.h[1].output *= 1;
      return block();
    }),
    mark,
    says,
  ),
);

it('leaves to JavaScript what can be told of the object', async () => {
  const told = await lm.trace(clean, () => {
    const h = lm.transformer.h[0].output;
    const [row] = h;
    const masked = h[(h > 1e9) as never];
    return {
      keys: ['shape' in (h as never), 'mlp' in lm.transformer.h[0], 'mpl' in lm.transformer.h[0]],
      kinds: [typeof h, typeof h.shape[1], (h as unknown) instanceof Map, h == null, h !== undefined],
      rows: [...h].length,
      dims: row!.shape,
      some: save(any(masked)),
    };
  });
  expect(told.keys).toEqual([true, true, false]);
  expect(told.kinds).toEqual(['object', 'number', false, false, true]);
  expect([told.rows, told.dims]).toEqual([1, [15, 128]]);
  expect(told.some.item()).toBe(false);
});

describe('code that was not compiled', () => {
  const helpers = {
    text: (x: unknown) => {
      'use no trace';
      return `${x}`;
    },
    length: (x: { length: number }) => {
      'use no trace';
      return x.length;
    },
    plus: (x: number) => {
      'use no trace';
      return x + 1;
    },
  };

  it.each([
    ['text', /used as a text.*was not compiled.*console\.log.*'use trace'/],
    ['length', /'length' of a traced tensor is read in code that was not compiled.*shape\[0\].*'use trace'/],
    ['plus', /code that was not compiled.*onnsight plugin.*'use trace'/],
  ] as const)('%s', async (name, says) => {
    const error = await rejection(lm.trace(clean, () => helpers[name](lm.transformer.h[0].output as never)));
    expect(error.name).toBe('TraceError');
    expect(error.message).toMatch(/^test\/errors\/plain-values\.test\.ts:\d+:\d+ - /);
    expect(error.message).toMatch(says);
  });
});

describe('for…of over what is no list', () => {
  it.each([
    [undefined, 'undefined is not iterable'],
    [5, '5 is not iterable'],
    [{ a: 1 }, 'an object { a: 1 } is not iterable'],
  ])('%j', async (value, says) => {
    const error = await rejection(
      lm.trace(clean, () => {
        for (const row of value as never as number[]) save(row); // @iterable
      }),
    );
    expect(error).toBeInstanceOf(TypeError);
    const place = `plain-values.test.ts:${lineOf('iterable')}:9 - `;
    expect(error.message).toBe(`test/errors/${place}for…of needs an array or a tensor: ${says}`);
  });

  it('a tensor without dimensions', () =>
    traceFails(
      lm.trace(clean, () => {
        for (const row of norm()) save(row); // @no rows
      }),
      'no rows',
      /rows of a tensor, and this tensor has no dimensions.*unsqueeze\(0\)/,
    ));
});
