/**
 * A block that runs again after a program has set something beside the values that the block takes from around it: members
 * of the language's objects, of functions and of tensors, and what objects are but for their entries.
 */
import { NNsight, save, Tensor } from 'onnsight';
import { describe, expect, it, vi } from 'vitest';
import { transform } from '../../compiler/transform.ts';
import { KnownBlocks } from '../../runtime/api/known-blocks.ts';
import * as operators from '../../runtime/operators/index.ts';
import { modelPath } from '../support/fixtures.ts';

const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
const x = new Tensor('float32', [2, 5], new Float32Array(10).fill(0.5));
const filled = (...values: number[]) => new Tensor('float32', [values.length], Float32Array.from(values));

const by = (value: number) => {
  'use trace';
  return save(model.layer1.output * value);
};
function Scale(value: number) {
  return by(value);
}
function scaled(value: number) {
  return by(value);
}

// biome-ignore lint/suspicious/noExplicitAny: whatever members a program gives to what it has.
type Any = any;
const OwnMath: Any = Math;
const OwnNumber: Any = Number;
const OwnScale: Any = Scale;
const ownScaled: Any = scaled;
const set = (object: object, key: PropertyKey, value: unknown) =>
  Object.defineProperty(object, key, { value, configurable: true, writable: true });

/** What the blocks take from around them, a trace, and what changes between its runs. */
interface Case {
  readonly make: () => Any;
  readonly trace: (state: Any) => Promise<unknown>;
  readonly changes: readonly ((state: Any) => void)[];
  /** Puts back what the changes have left. */
  readonly end?: () => void;
}

const { max } = Math;
const { trimStart } = String.prototype;

const CASES: Record<string, Case> = {
  "members of the language's objects, by name": {
    make: () => set(Math, 'factor', 1),
    trace: () => model.trace({ x }, () => by(OwnMath.factor + (Math as Any)['factor'.trim()])),
    changes: [() => set(Math, 'factor', 2)],
    end: () => delete OwnMath.factor,
  },
  'those of another name for such an object': {
    make: () => ({ M: set(Number, 'factor', 1) }),
    trace: ({ M }) => model.trace({ x }, () => by(M.factor)),
    changes: [() => set(Number, 'factor', 2)],
    end: () => delete OwnNumber.factor,
  },
  'those that a pattern takes': {
    make: () => set(Math, 'factor', 1),
    trace: () =>
      model.trace({ x }, () => {
        const { factor } = Math as Any;
        return by(factor);
      }),
    changes: [() => set(Math, 'factor', 2)],
    end: () => delete OwnMath.factor,
  },
  'functions of the language that are replaced': {
    make: () => ({ three: 3.25 }),
    trace: ({ three }) => model.trace({ x }, () => by(Math.max(three, 1))),
    changes: [
      () => set(Math, 'max', (...values: number[]) => (values[0] === 3.25 ? 50 : max(...values))),
      () => set(Math, 'max', max),
    ],
    end: () => set(Math, 'max', max),
  },
  'methods of texts that are replaced': {
    make: () => ({ text: ' a' }),
    trace: ({ text }) => model.trace({ x }, () => by(text.trimStart().length)),
    changes: [() => set(String.prototype, 'trimStart', () => 'abcdef')],
    end: () => set(String.prototype, 'trimStart', trimStart),
  },
  'members that numbers inherit': {
    make: () => ({ n: 3 }),
    trace: ({ n }) => model.trace({ x }, () => by(n.factor ?? 1)),
    changes: [() => set(Number.prototype, 'factor', 2)],
    end: () => Reflect.deleteProperty(Number.prototype, 'factor'),
  },
  'members that arrays inherit': {
    make: () => ({ list: [3] }),
    trace: ({ list }) => model.trace({ x }, () => by(list.factor ?? 1)),
    changes: [() => set(Array.prototype, 'factor', 2)],
    end: () => Reflect.deleteProperty(Array.prototype, 'factor'),
  },
  'members of functions with great names': {
    make: () => set(Scale, 'factor', 1),
    trace: () => model.trace({ x }, () => [Scale(2), by(OwnScale.factor), by((Scale as Any).factor)]),
    changes: [() => set(Scale, 'factor', 2)],
    end: () => delete OwnScale.factor,
  },
  'members that functions get later': {
    make: () => ({}),
    trace: () => model.trace({ x }, () => [scaled(2), by((scaled as Any).factor ?? 1)]),
    changes: [() => set(scaled, 'factor', 2)],
    end: () => delete ownScaled.factor,
  },
  'members that tensors get later': {
    make: () => ({ t: filled(2) }),
    trace: ({ t }) => model.trace({ x }, () => save(model.layer1.output.mul(t).mul(t.factor ?? 1))),
    changes: [({ t }) => set(t, 'factor', 3)],
  },
  'members that patterns take of tensors': {
    make: () => ({ t: filled(2) }),
    trace: ({ t }) =>
      model.trace({ x }, () => {
        const { factor = 1 } = t;
        return save(model.layer1.output.mul(t).mul(factor));
      }),
    changes: [({ t }) => set(t, 'factor', 3)],
  },
  'members that the block gives to tensors': {
    make: () => ({ t: filled(2) }),
    trace: async ({ t }) => {
      t.seen = 0;
      const out = await model.trace({ x }, () => {
        t.seen = 1;
        return save(model.layer1.output.mul(t));
      });
      return [out, t.seen];
    },
    changes: [],
  },
  'whether objects can be extended': {
    make: () => ({ o: { a: 1 }, list: [1] }),
    trace: ({ o, list }) =>
      model.trace({ x }, () => by((Object.isExtensible(o) ? 1 : 2) + Number(Object.isSealed(list)))),
    changes: [({ o }) => Object.preventExtensions(o), ({ list }) => Object.seal(list)],
  },
  'what entries are': {
    make: () => ({ o: { a: 1 }, list: [1] }),
    trace: ({ o, list }) =>
      model.trace({ x }, () => {
        const isFree = Object.getOwnPropertyDescriptor(o, 'a')!.configurable;
        const isOpen = Object.getOwnPropertyDescriptor(list, 'length')!.writable;
        return by((isFree ? 1 : 2) * (isOpen ? 1 : 5));
      }),
    changes: [
      ({ o }) => Object.defineProperty(o, 'a', { configurable: false }),
      ({ list }) => Object.defineProperty(list, 'length', { writable: false }),
    ],
  },
  'an array with a member, and a longer one': {
    make: () => ({ list: Object.assign([1], { by: 2 }) }),
    trace: ({ list }) => model.trace({ x }, () => by(list.length)),
    changes: [
      (state) => {
        state.list = [1, 1];
      },
    ],
  },
  'results with a member named __proto__': {
    make: () => ({ n: 2 }),
    trace: async ({ n }) => {
      const out = await model.trace({ x }, () => ({ ['__proto__']: by(n), n }));
      return [Object.keys(out as object), Object.getPrototypeOf(out) === Object.prototype];
    },
    changes: [],
  },
  'code that is loaded anew, at the same place of its file': {
    make: () => ({ f: loaded(1) }),
    trace: ({ f }) => model.trace({ x }, () => f(model)),
    changes: [
      (state) => {
        state.f = loaded(2);
      },
    ],
  },
};

/** A function of a compiled file, as a tool gives it that loads files anew. */
function loaded(factor: number): unknown {
  const text = `import { save } from 'onnsight';
const f = (mlp) => save(mlp.layer1.output * ${factor});
const unused = (mlp) => mlp.trace(1, f);`;
  const { code } = transform(text, { file: 'loaded.ts', id: '/loaded.ts' })!;
  const body = code.replaceAll(/import .*? from '.*?';/g, '');
  return new Function('__o', 'save', `${body}; return f;`)(operators, save);
}

function plain(value: unknown): unknown {
  if (value instanceof Tensor) return [value.dims, Array.from(value.data)];
  return Array.isArray(value) ? value.map(plain) : value;
}

/** What a block gives, run twice before and after each change. */
async function results({ make, trace, changes, end }: Case): Promise<unknown[]> {
  const state = make();
  const all: unknown[] = [];
  try {
    for (const change of [() => {}, ...changes]) {
      change(state);
      for (let i = 0; i < 2; i++) all.push(await trace(state).then(plain, (error: Error) => error.message));
    }
  } finally {
    end?.();
  }
  return all;
}

it.each(Object.entries(CASES))('%s: what it gives recorded anew', async (_, given) => {
  const values = await results(given);
  const find = vi.spyOn(KnownBlocks.prototype, 'find').mockReturnValue(null);
  expect(values).toEqual(await results(given));
  find.mockRestore();
});

describe('functions of the language', () => {
  const runs = async (trace: () => Promise<unknown>): Promise<boolean[]> => {
    const find = vi.spyOn(KnownBlocks.prototype, 'find');
    for (let i = 0; i < 2; i++) await trace();
    const found = find.mock.results.map(({ value }) => value !== null);
    find.mockRestore();
    return found;
  };
  const own = { now: Date.now, Now: Date, M: Math };

  it('are no reason to record a block anew', async () => {
    const list = [1, -2];
    expect(await runs(() => model.trace({ x }, () => by(Math.max(...list.map(Math.abs)) + Math.PI)))).toEqual([
      false,
      true,
    ]);
  });

  it('are one where they give something else each time, by any name', async () => {
    const traces = [
      () => model.trace({ x }, () => by([1].map(Math.random)[0]!)),
      () => model.trace({ x }, () => by(own.M.random())),
      () => model.trace({ x }, () => by(own.now())),
      () => model.trace({ x }, () => by(own.Now().length)),
      () =>
        model.trace({ x }, () => {
          const { random } = Math;
          return by(random());
        }),
    ];
    for (const trace of traces) expect(await runs(trace)).toEqual([false, false]);
  });
});
