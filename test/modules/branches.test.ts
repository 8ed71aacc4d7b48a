import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { backward, type Loose, NNsight, save, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';

/*
 * Modules in the branches of a model's own conditionals, as torch.cond and torch.jit.script write them, with what PyTorch's
 * hooks saw: nothing of a module that did not run.
 */
interface Seen {
  readonly block: readonly number[];
  readonly y: readonly number[];
  /** What entered and left each module, call by call. */
  readonly calls: Readonly<Record<string, readonly (readonly [readonly number[], readonly number[]])[]>>;
  /** The model's output where the output of a module is doubled, by its path and the number of the call. */
  readonly doubled: Readonly<Record<string, readonly number[]>>;
}

const path = (name: string) => fileURLToPath(new URL(`../fixtures/branches/${name}`, import.meta.url));
const values: Record<string, Record<string, Seen>> = JSON.parse(readFileSync(path('values.json'), 'utf8'));
const load = (name: string) => NNsight.load<Loose>(path(`${name}.onnx`), { device: 'cpu' });
const input = (factor: number) => [1, 2].map(() => [factor, factor, factor, factor]);

function same(found: Tensor | undefined, wanted: readonly number[] | undefined, what: string): void {
  if (wanted === undefined || found === undefined) {
    expect(found, what).toBe(wanted);
    return;
  }
  const off = Array.from(found.data, (value, i) => Math.abs(Number(value) - wanted[i]!));
  expect(off, what).toHaveLength(wanted.length);
  expect(Math.max(...off), what).toBeLessThan(1e-5);
}

/** What the files do not tell: of torch.cond the modules around the calls in a branch; of a loop which call is the first. */
const UNTOLD: Readonly<Record<string, readonly string[]>> = {
  cond: ['block.left', 'block.left.1'],
  choosing: ['block.b'],
};

const ALONE = ['cond', 'if', 'nested'];
const IN_BOTH = ['shared', 'shared-cond', 'turned', 'chain', 'chain-cond', 'modes', 'choosing'];

describe.each([...ALONE, ...IN_BOTH])('modules in branches: %s', (name) => {
  const factors = Object.entries(values[name]!);
  const runs = new Map<string, number>();
  for (const [one, { length }] of factors.flatMap(([, { calls }]) => Object.entries(calls))) {
    if (!UNTOLD[name]?.includes(one)) runs.set(one, Math.max(length, runs.get(one) ?? 0));
  }
  const calls = [...runs].flatMap(([one, count]) => Array.from({ length: count }, (_, i) => [one, i] as const));
  const at = (model: Awaited<ReturnType<typeof load>>, one: string, call: number) =>
    runs.get(one) === 1 ? model.get(one) : model.get(one).calls[call];

  it.each(factors)('what enters and leaves each is what PyTorch has, or absent (x = %s)', async (factor, wanted) => {
    const model = await load(name);
    const found = await model.trace(input(Number(factor)), () =>
      calls.map(([one, call]) => [save(at(model, one, call).input), save(at(model, one, call).output)]),
    );
    calls.forEach(([one, call], i) => {
      const [entered, left] = wanted.calls[one]?.[call] ?? [];
      same(found[i]![0], entered, `what enters ${one}, call ${call}`);
      same(found[i]![1], left, `what leaves ${one}, call ${call}`);
    });
  });

  it.each(factors)('what is set counts where the module runs (x = %s)', async (factor, wanted) => {
    const model = await load(name);
    for (const [one, call] of calls) {
      const y = await model.trace(input(Number(factor)), () => {
        at(model, one, call).output *= 2;
        return save(model.output);
      });
      same(y, wanted.doubled[`${one} ${call}`] ?? wanted.y, `${one}, call ${call}, doubled`);
    }
  });
});

describe('modules of a branch that does not run', () => {
  const left = [1, 1, 1, 1];
  const given = [left, left];

  it('have no value: not in what is computed of them, in arrays, caches, gradients, invokes and later traces', async () => {
    const model = await load('if');
    const { block } = model;
    const found = await model.trace(given, (tracer) => {
      backward(model.output.sum());
      return {
        sum: save(block.right.output.sum()),
        both: save(block.right.output + block.left[2].output),
        list: [save(block.right.output), save(block.left[2].output.sum(-1))],
        cache: tracer.cache(),
        gradient: save(block.right.output.grad),
        other: save(block.left[2].output.grad),
        applied: save(tracer.apply((x) => x, block.right.output)),
      };
    });
    expect(found.sum).toBeUndefined();
    expect(found.both).toBeUndefined();
    expect(found.list[0]).toBeUndefined();
    expect(found.list[1]!.dims).toEqual([2]);
    expect(found.cache.block!.right.output).toBeUndefined();
    same(found.cache.block!.left.output, values.if![1]!.block, 'the other branch in the cache');
    expect(found.gradient).toBeUndefined();
    expect(found.other.dims).toEqual([2, 3]);
    expect(found.applied).toBeUndefined();
    const [absent, doubled] = await model.session((session) => {
      const first = session.trace(given, () => save(block.right.output));
      return [
        first,
        session.trace(given, () => {
          block.right.output = first * 2;
          return save(model.output);
        }),
      ];
    });
    expect(absent).toBeUndefined();
    same(doubled, values.if![1]!.y, 'a write into what does not run');
  });

  it('are chosen by a condition of the block', async () => {
    const model = await load('if');
    for (const sign of [1, -1]) {
      const mean = await model.trace(input(sign), () => {
        let chosen = model.block.right.output;
        if (model.block.ops.ReduceSum.output > 0) chosen = model.block.left[2].output;
        return save(chosen);
      });
      same(mean, values.if![sign]!.block, 'what the branch gives that runs');
    }
  });

  it('can be called, on any values', async () => {
    const model = await load('if');
    const ran = await model.trace(input(-1), () => save(model.block.right.output));
    const called = await model.trace(given, () => save(model.block.right([[-1, -1, -1, -1]])));
    same(called, Array.from(ran.data, Number).slice(0, 3), 'the call');
  });

  it('are no part of what the model needs: an error at the line', async () => {
    const model = await load('if');
    const needs = model.trace(given, () => {
      model.block.output = model.block.right.output * 2;
      return save(model.output);
    });
    await expect(needs).rejects.toThrow(
      /branches\.test\.ts:\d+:\d+ - block\.output is set to a value of a module that did not run/,
    );
    const loss = model.trace(given, () => {
      backward(model.block.right.output.sum());
      return save(model.block.right.weight.grad);
    });
    await expect(loss).rejects.toThrow(
      /branches\.test\.ts:\d+:\d+ - The loss of a backward pass is made of a module in/,
    );
    const inPlace = model.trace(given, () => {
      model.block.right.input[':, 0'] = 0;
      return save(model.output);
    });
    await expect(inPlace).rejects.toThrow(/branches\.test\.ts:\d+:\d+ - The input of block\.right is changed in place/);
  });
});

describe('modules in the body of a loop', () => {
  const factors = Object.entries(values.loop!);

  it.each(factors)(
    'have a call for each iteration, and none where the loop has ended (x = %s)',
    async (factor, wanted) => {
      const model = await load('loop');
      const given = input(Number(factor));
      const found = await model.trace(given, () =>
        [0, 1, 2].map((i) => [save(model.block.cell.calls[i].input), save(model.block.cell.calls[i].output)]),
      );
      found.forEach((pair, i) => {
        const [entered, left] = wanted.calls['block.cell']![i] ?? [];
        same(pair[0], entered, `what enters call ${i}`);
        same(pair[1], left, `what leaves call ${i}`);
      });
      for (const call of [0, 1, 2]) {
        const y = await model.trace(given, () => {
          model.block.cell.calls[call].output *= 2;
          return save(model.output);
        });
        same(y, wanted.doubled[`block.cell ${call}`] ?? wanted.y, `call ${call} doubled`);
      }
    },
  );

  it('are not all there in a loop that goes on after the calls that can be reached: an error at the line', async () => {
    const model = await load('loop');
    const rows = Array.from({ length: 20 }, () => [1, 1, 1, 1]);
    const { calls } = model.block.cell;
    expect(calls).toHaveLength(16);
    // Each row goes through the loop by itself, and three rows three times.
    const entering = await model.trace(rows, () => save(calls[3].input));
    const three = await model.trace(rows.slice(0, 3), () => save(model.block.output));
    same(
      entering,
      rows.flatMap(() => Array.from(three.data, Number).slice(0, 4)),
      'what enters the fourth call',
    );
    const all = model.trace(rows, () => {
      for (const call of calls) call.output *= 0;
      return save(model.output);
    });
    await expect(all).rejects.toThrow(
      /branches\.test\.ts:\d+:\d+ - block\.cell runs in a loop of the model that goes on: only its first 16 calls/,
    );
  });
});

describe('modules of which only a run tells what they are', () => {
  const reads = async (name: string, path: string) => {
    const model = await load(name);
    await model.trace(input(1), () => save(model.get(path).output));
  };
  const sets = async (name: string, path: string) => {
    const model = await load(name);
    await model.trace(input(1), () => {
      model.get(path).calls[0].output *= 2;
      return save(model.output);
    });
  };

  it.each([reads, sets])(
    'one that reads another, which reads it in the other branch: an error at the line',
    async (use) => {
      await expect(use('crossed', 'block.a')).rejects.toThrow(
        /branches\.test\.ts:\d+:\d+ - 'block\.a' runs in a branch of the model's own If \(the node '\/block\/If'\), whose branches have modules in common that run otherwise, or in another order, in each \(block\.act\)/,
      );
    },
  );

  it.each([
    ['maybe', 'block.a'],
    ['choosing', 'block.b'],
  ])('one that runs after it may have run: an error at the line (%s)', async (name, path) => {
    const error = new RegExp(
      `branches\\.test\\.ts:\\d+:\\d+ - '${path}' runs several times, and in branches .*: ${path}\\.ops\\.Gemm\\.output`,
    );
    for (const use of [reads, sets]) await expect(use(name, path)).rejects.toThrow(error);
  });
});

describe('invokes of a model whose file does not tell which rows are whose', () => {
  const row = (value: number) => [Array.from({ length: 4 }, () => value)];

  it('are an error at the line that reads or sets', async () => {
    const model = await load('loop');
    const two = model.trace((tracer) => {
      tracer.invoke(row(1), () => save(model.head.bias));
      return tracer.invoke(row(2), () => save(model.block.output));
    });
    await expect(two).rejects.toThrow(
      /branches\.test\.ts:\d+:\d+ - Which rows of block\.output are those of this invoke/,
    );
    const set = model.trace((tracer) => {
      tracer.invoke(row(1), () => {
        model.block.output *= 0;
      });
      return tracer.invoke(row(2), () => save(model.head.bias));
    });
    await expect(set).rejects.toThrow(/branches\.test\.ts:\d+:\d+ - Which rows of block\.output/);
  });

  it('a single invoke has all rows, and a block over the whole batch', async () => {
    const model = await load('loop');
    const [one, all] = await model.trace((tracer) => [
      tracer.invoke([...row(1), ...row(1)], () => save(model.block.output)),
      tracer.invoke(() => save(model.block.output)),
    ]);
    expect(one!.toArray()).toEqual(all!.toArray());
    const expected = values.loop![1]!.block;
    for (const [i, value] of Array.from(one!.data, Number).entries()) expect(value).toBeCloseTo(expected[i]!, 5);
  });
});
