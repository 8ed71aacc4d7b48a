import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { fact } from '../parity/support.ts';
import { loadToy } from '../support/toy.ts';

const model: NNsight = await NNsight.load(fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url)), {
  device: 'cpu',
});
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

class Recorder {
  rows: unknown[] = [];
  last = 'none';
  #count = 0;
  add(row: unknown) {
    'use trace';
    this.rows.push(row);
    this.last = 'some';
    this.#count++;
  }
  get count() {
    return this.#count;
  }
}

/** What a program has outside of its block. */
function outside() {
  return {
    list: [] as unknown[],
    other: [1, 2] as unknown[],
    counts: [0, 0, 0],
    stats: { n: 0, kind: 'none', list: [] as unknown[], on: false } as Record<string, unknown>,
    map: new Map<string, unknown>([['a', 0]]),
    set: new Set<unknown>(),
    recorder: new Recorder(),
    unset: undefined as unknown,
  };
}
type Outside = ReturnType<typeof outside>;

/** Programs that change what is outside, by a traced number that is 0 or 1. */
const programs: Record<string, (o: Outside, z: number) => void> = {
  'an array that a branch fills': (o, z) => {
    'use trace';
    if (z > 0) o.list.push(1);
  },
  'and both sides fill': (o, z) => {
    'use trace';
    if (z > 0) o.list.push('a', 'b');
    else o.list.push('c');
  },
  'with numbers': (o, z) => {
    'use trace';
    if (z > 0) o.list.push(5);
    else o.list.push(7);
    o.list.push(8);
  },
  'with objects': (o, z) => {
    'use trace';
    if (z > 0) o.list.push({ at: 3, name: 'x' });
  },
  'with arrays that are filled themselves': (o, z) => {
    'use trace';
    const inner: unknown[] = [];
    o.list.push(inner);
    if (z > 0) inner.push(1);
  },
  'behind known entries': (o, z) => {
    'use trace';
    if (z > 0) o.other.push(3);
    o.other.push(4);
  },
  'by its length': (o, z) => {
    'use trace';
    if (z > 0) o.other[o.other.length] = 3;
  },
  'and a branch empties': (o, z) => {
    'use trace';
    if (z > 0) o.other.length = 0;
  },
  'and a branch sorts': (o, z) => {
    'use trace';
    if (z > 0) o.other.reverse();
  },
  'in a loop': (o, z) => {
    'use trace';
    let n = z;
    while (n < 3) {
      o.list.push('x');
      n++;
    }
  },
  'elements of an array': (o, z) => {
    'use trace';
    if (z > 0) o.counts[1]! += 2;
    else o.counts[2] = 4;
  },
  'elements set to traced numbers': (o, z) => {
    'use trace';
    o.counts[0] = z + 2;
  },
  'numbers of an object': (o, z) => {
    'use trace';
    (o.stats as { n: number }).n += z;
    if (z > 0) (o.stats as { n: number }).n++;
  },
  'texts of an object': (o, z) => {
    'use trace';
    if (z > 0) o.stats.kind = 'big';
  },
  'texts chosen before': (o, z) => {
    'use trace';
    const kind = z > 0 ? 'big' : 'small';
    o.stats.kind = kind;
    o.list.push(kind);
    o.map.set('a', kind);
  },
  'truths of an object': (o, z) => {
    'use trace';
    o.stats.on = z > 0;
  },
  'an array of an object': (o, z) => {
    'use trace';
    if (z > 0) (o.stats.list as unknown[]).push(1);
  },
  'an array that is put into an object': (o, z) => {
    'use trace';
    const made: unknown[] = [];
    o.stats.list = made;
    if (z > 0) made.push(1);
  },
  'an array chosen for an object': (o, z) => {
    'use trace';
    if (z > 0) o.stats.list = [1, 2];
    else o.stats.list = ['a'];
  },
  'an entry of a Map': (o, z) => {
    'use trace';
    if (z > 0) o.map.set('a', 'there');
  },
  'a number in a Map': (o, z) => {
    'use trace';
    o.map.set('a', (o.map.get('a') as number) + z);
  },
  'an array in a Map': (o, z) => {
    'use trace';
    const made: unknown[] = [];
    o.map.set('b', made);
    if (z > 0) made.push(2);
  },
  'an instance of a class': (o, z) => {
    'use trace';
    if (z > 0) o.recorder.add('row');
  },
  'by Object.assign': (o, z) => {
    'use trace';
    Object.assign(o.stats, { kind: z > 0 ? 'x' : 'y' });
  },
  'fractions that a branch writes down': (o, z) => {
    'use trace';
    if (z > 0) o.counts[0] = 0.1;
    else o.unset = 0.3;
  },
  'a number on both sides': (o, z) => {
    'use trace';
    o.unset = z > 0 ? 0.1 : 0.2;
  },
  'a number on three sides': (o, z) => {
    'use trace';
    o.unset = z > 0 ? (z > 2 ? 1 : 2) : 3;
  },
  'a truth that was not there': (o, z) => {
    'use trace';
    o.unset = z > 0 && z < 2;
  },
  'a number in a loop': (o, z) => {
    'use trace';
    for (let i = 0; i < 3; i++) if (i > z) o.counts[i] = i * 2;
  },
  'arrays in arrays': (o, z) => {
    'use trace';
    const rows: unknown[][] = [[], []];
    o.list.push(...rows);
    for (const row of rows) if (z > 0) row.push('x', 'y');
  },
  'one array at two places': (o, z) => {
    'use trace';
    const made: unknown[] = [];
    o.stats.list = made;
    o.list.push(made);
    if (z > 0) made.push(1);
  },
  'objects that hold texts': (o, z) => {
    'use trace';
    const made = { name: 'none', inner: { deep: ['a'] } };
    o.list.push(made);
    if (z > 0) {
      made.name = 'some';
      made.inner.deep.push('b');
    }
  },
  'by unshift and pop': (o, z) => {
    'use trace';
    if (z > 0) o.other.unshift(0);
    else o.other.pop();
  },
  'an array that was empty before, and full of texts then': (o, z) => {
    'use trace';
    const names = ['a', 'b', 'c'];
    for (const name of names) if (z > 0) o.list.push(name);
  },
  'a property that comes and goes': (o, z) => {
    'use trace';
    if (z > 0) o.stats.n = undefined;
  },
  'by a splice': (o, z) => {
    'use trace';
    if (z > 0) o.other.splice(1, 1, 'new');
  },
};

/** All that JavaScript tells of an object, as a text; what is not the program's has a name of its own. */
const told = (o: Outside) => JSON.stringify(shown({ ...o, count: o.recorder.count }));

function shown(value: unknown): unknown {
  if (types.isProxy(value)) return `a proxy: ${typeof value}`;
  if (value instanceof Map) return { map: [...value].map(shown) };
  if (value instanceof Set) return { set: [...value].map(shown) };
  if (Array.isArray(value))
    return Array.from({ length: value.length }, (_, i) => (i in value ? shown(value[i]) : 'hole'));
  if (typeof value !== 'object' || value === null) return value;
  const { name } = value.constructor;
  if (name !== 'Object' && name !== 'Recorder') return `an object of ${name}`;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shown(one)]));
}

describe.each(Object.entries(programs))('%s', (_, program) => {
  it.each([0, 1])('where the number is %d', async (n) => {
    const [plain, traced] = [outside(), outside()];
    program(plain, n);
    await model.trace(x, () => {
      program(traced, model.layer1.output[0][0] * 0 + n);
    });
    expect(told(traced)).toBe(told(plain));
  });
});

const zero = () => {
  'use trace';
  return model.layer1.output[0][0] * 0;
};

it('saved tensors are entries, and others say that they are not saved', async () => {
  const saved: { item(): unknown }[] = [];
  const unsaved: { item(): unknown }[] = [];
  await model.trace(x, () => {
    if (zero() < 1) {
      saved.push(save(model.layer1.output[0][0] * 0 + 7) as never);
      unsaved.push((model.layer1.output * 2) as never);
    }
  });
  expect(saved.map((one) => one.item())).toEqual([7]);
  expect(unsaved).toHaveLength(1);
  expect(() => unsaved[0]!.item()).toThrow(/save/);
  expect(() => `${unsaved[0]}`).toThrow(/trace/);
});

it('traces beside one another fill one array', async () => {
  const found: string[] = [];
  const look = (name: string, n: number) =>
    model.trace(x, () => {
      if (zero() + n > 0) found.push(name);
    });
  await Promise.all([look('a', 1), look('b', 0), look('c', 1)]);
  expect(found).toEqual(['a', 'c']);
});

it('one trace after the other, too', async () => {
  const found: string[] = [];
  let count = 0;
  for (const [name, n] of [
    ['a', 1],
    ['b', 0],
    ['c', 1],
  ] as const) {
    await model.trace(x, () => {
      if (zero() + n > 0) {
        found.push(name);
        count++;
      }
    });
  }
  expect(found).toEqual(['a', 'c']);
  expect(count).toBe(2);
});

it('what comes back and what is outside are the same', async () => {
  const list: unknown[] = [];
  const back = await model.trace(x, () => {
    if (zero() < 1) list.push('x', save(zero()));
    return { list };
  });
  expect(list).toHaveLength(2);
  expect(back.list[0]).toBe(list[0]);
});

it('what fails leaves what was there', async () => {
  const list: unknown[] = ['before'];
  const [counts, o] = [[1, 2], { kind: 'none' }];
  const change = () => {
    'use trace';
    if (zero() < 1) {
      list.push('x');
      counts[0] = 5;
      o.kind = 'some';
    }
  };
  const unbuilt = model.trace(x, () => {
    change();
    throw new Error('no');
  });
  await expect(unbuilt).rejects.toThrow('no');
  expect([list, counts, o]).toEqual([['before'], [1, 2], { kind: 'none' }]);
  const failed = model.trace(x, () => {
    change();
    return save(model.layer1.output[0]![10 + Math.round(zero())]);
  });
  await expect(failed).rejects.toThrow();
  expect([list, counts, o]).toEqual([['before'], [1, 2], { kind: 'none' }]);
});

it.each([
  ['ends early', { maxNewTokens: 6 }, 3],
  ['does not end early', { maxNewTokens: 6, stopTokens: [] }, 6],
])('of a generation that %s the steps that ran count', async (_, options, ran) => {
  const lm = await loadToy();
  const seen: unknown[] = [];
  const high: unknown[] = [];
  const counts = { steps: 0, kind: 'none' };
  await lm.generate(fact, options, (tracer) => {
    for (const step of tracer.iter()) {
      seen.push('step');
      if (lm.lm_head.output['0, -1'].max() < 1e9) high.push(`at ${step}`);
      counts.steps++;
      if (step === 4) counts.kind = 'late';
    }
  });
  const steps = Array.from({ length: ran }, (_, step) => step);
  expect(high).toEqual(steps.map((step) => `at ${step}`));
  expect(seen).toEqual(steps.map(() => 'step'));
  expect(counts).toEqual({ steps: ran, kind: ran > 4 ? 'late' : 'none' });
});

it('in a session', async () => {
  const list: string[] = [];
  let kind = 'none';
  await model.session((session) => {
    session.trace(x, () => {
      if (zero() < 1) list.push('one');
    });
    session.trace(x, () => {
      if (zero() > 1) list.push('two');
      kind = zero() < 1 ? 'small' : 'big';
    });
  });
  expect(list).toEqual(['one']);
  expect(kind).toBe('small');
});

/** Programs of several traces at once, which share what they change; `one(n, block)` is given n as a number of the trace. */
const together: Record<
  string,
  (o: Outside, one: (n: number, block: (z: number) => void) => Promise<unknown>) => unknown
> = {
  'a counter': (o, one) =>
    Promise.all(
      [1, 0, 1].map((n) =>
        one(n, (z) => {
          'use trace';
          if (z > 0) o.counts[0]!++;
        }),
      ),
    ),
  'the best of all': (o, one) =>
    Promise.all(
      [1, 3, 2].map((n) =>
        one(n, (z) => {
          'use trace';
          if (z > o.counts[0]!) {
            o.counts[0] = z;
            o.stats.kind = `of ${n}`;
          }
        }),
      ),
    ),
  'an array that tells its length': (o, one) =>
    Promise.all(
      [1, 0, 1].map((n) =>
        one(n, (z) => {
          'use trace';
          if (z > 0) o.list.push(o.list.length);
        }),
      ),
    ),
  'what is there once': (o, one) =>
    Promise.all(
      [1, 1].map((n) =>
        one(n, (z) => {
          'use trace';
          if (z > 0 && !o.list.includes('a')) o.list.push('a');
        }),
      ),
    ),
  'an array filled from its front': (o, one) =>
    Promise.all(
      [1, 0, 2].map((n) =>
        one(n, (z) => {
          'use trace';
          if (z > 0) o.list.unshift(n);
        }),
      ),
    ),
};

it.each(Object.entries(together))('traces at once see what those before them left: %s', async (_, program) => {
  const [plain, traced] = [outside(), outside()];
  await program(plain, async (n, block) => block(n));
  await program(traced, (n, block) => model.trace(x, () => block((zero() + n) as never)));
  expect(told(traced)).toBe(told(plain));
});

it('a trace in a function of another one does not wait for it', async () => {
  const o = { n: 0, inside: 0 };
  const { r } = await model.trace(x, (tracer) => {
    if (zero() < 1) o.n = 5;
    const run = async (v: unknown) => {
      await model.trace(x, () => {
        if (zero() < 1) o.inside = 3;
      });
      return v;
    };
    return { r: save(tracer.apply(run as never, zero()) as never) } as { r: unknown };
  });
  expect((r as { item(): number }).item()).toBe(0);
  expect(o).toEqual({ n: 5, inside: 3 });
});

it('a trace that fails keeps none waiting', async () => {
  const o = { n: 0 };
  const failing = model.trace(x, () => {
    if (zero() < 1) o.n = 5;
    return save(model.layer1.output[0]![10 + Math.round(zero())]);
  });
  const other = model.trace(x, () => {
    if (zero() < 1) o.n += 7;
  });
  await expect(failing).rejects.toThrow();
  await other;
  expect(o.n).toBe(7);
});
