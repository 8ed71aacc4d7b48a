import { add, LanguageModel, mul, save, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { TOY } from '../support/toy.ts';
import { fact } from './support.ts';

/*
 * nnsight's test_transform, program by program: there a property of an envoy makes a value (`preprocess`) and puts what became
 * of it back (`transform`). Here a getter does both, in plain code. What follows a layer sees is the input of the next one.
 */
class Things {
  declare output: Traced;

  get cloned(): Traced {
    return this.output.clone();
  }

  /** A copy that takes the output's place: what is written to it goes on through the model. */
  get thing(): Traced {
    this.output = this.output.clone();
    return this.output;
  }

  get heads(): Traced {
    return this.thing.unflatten(-1, [4, 32]);
  }

  get sevens(): Traced {
    const before = this.output.clone();
    this.output = add(mul(before, 0), 7);
    return before;
  }

  get nothing(): Traced {
    this.output = mul(this.output, 0);
    return this.output;
  }
}

const lm = await LanguageModel.load(TOY, {
  device: 'cpu',
  envoys: { 'transformer.h.0': Things, 'transformer.h.1': Things },
});
const [first, second, third] = [lm.transformer.h[0], lm.transformer.h[1], lm.transformer.h[2]];
const plain = await lm.trace(fact, () => ({ first: save(first.output), second: save(second.output) }));
const all = (tensor: { readonly data: ArrayLike<number> }, value: number) =>
  expect(new Set(Array.from(tensor.data, Math.abs))).toEqual(new Set([value]));

describe("nnsight's transforms, as getters of envoys", () => {
  it('a copy alone does not go back', async () => {
    const { copy, out } = await lm.trace(fact, () => {
      const copy = save(second.cloned);
      copy[':'] = 0;
      return { copy, out: save(third.input) };
    });
    all(copy, 0);
    expect(out.toArray()).toEqual(plain.second.toArray());
  });

  it('a copy that is put back does', async () => {
    const { thing, out } = await lm.trace(fact, () => {
      const thing = save(second.thing);
      thing[':'] = 0;
      return { thing, out: save(third.input) };
    });
    all(thing, 0);
    all(out, 0);
  });

  it('what was put back and is changed after that by another name is an error', async () => {
    const trace = lm.trace(fact, () => {
      const copy = second.output.clone();
      second.output = copy;
      copy['..., 3'] = 0;
      return save(third.input);
    });
    await expect(trace).rejects.toThrow(
      /transform\.test\.ts:\d+:\d+ - A tensor that was assigned to transformer\.h\.1\.output is changed in place after that/,
    );
    const { out } = await lm.trace(fact, () => {
      const copy = second.output.clone();
      if (second.output.norm() < 0) second.output = copy;
      else copy[':'] = 0;
      second.output = copy.clone();
      copy[':'] = 1;
      return { out: save(third.input) };
    });
    all(out, 0);
  });

  it('an error wherever the assignment may have been made, and nowhere else', async () => {
    const changed =
      /transform\.test\.ts:\d+:\d+ - A tensor that was assigned to transformer\.h\.1\.output is changed in place/;
    const inBranch = lm.trace(fact, () => {
      const copy = second.output.clone();
      if (first.output.norm() > 0) second.output = copy;
      copy[':'] = 0;
      return save(third.input);
    });
    await expect(inBranch).rejects.toThrow(changed);
    const inLoop = lm.trace(fact, () => {
      const copy = second.output.clone();
      for (const _ of first.output['0, 0, :2']) second.output = copy;
      copy[':'] = 0;
      return save(third.input);
    });
    await expect(inLoop).rejects.toThrow(changed);
    const inInvoke = lm.trace((tracer) => [
      tracer.invoke(fact, () => {
        const other = first.output;
        second.output = other;
        other[':'] = 0;
        return save(third.input);
      }),
      tracer.invoke(fact, () => save(third.input)),
    ]);
    await expect(inInvoke).rejects.toThrow(changed);
    const { replaced } = await lm.trace(fact, () => {
      const copy = second.output.clone();
      second.output = copy;
      second.output = mul(second.output, 1);
      copy[':'] = 0;
      return { replaced: save(third.input) };
    });
    expect(replaced.toArray()).toEqual(plain.second.toArray());
  });

  it('in another shape: one head is set', async () => {
    const { heads, out } = await lm.trace(fact, () => {
      const heads = save(second.heads);
      heads['..., 1, :'] = 0;
      return { heads, out: save(third.input) };
    });
    expect(heads.dims).toEqual([1, 9, 4, 32]);
    const expected = Array.from(plain.second.data, (value, i) => (Math.floor((i % 128) / 32) === 1 ? 0 : value));
    expect(Array.from(out.data)).toEqual(expected);
    expect(Array.from(heads.data)).toEqual(expected);
  });

  it('what is put back may be another value than the one that is read', async () => {
    const { read, out } = await lm.trace(fact, () => ({ read: save(second.sevens), out: save(third.input) }));
    expect(read.toArray()).toEqual(plain.second.toArray());
    all(out, 7);
  });

  it('each read is its own: of two modules, each goes back to its own', async () => {
    const { a, b, between, out } = await lm.trace(fact, () => {
      const a = save(first.thing);
      a[':'] = 0;
      const b = save(second.thing);
      b[':'] = 5;
      return { a, b, between: save(second.input), out: save(third.input) };
    });
    all(a, 0);
    all(b, 5);
    all(between, 0);
    all(out, 5);
  });

  it('reading alone changes the model, where the getter does', async () => {
    const out = await lm.trace(fact, () => {
      second.nothing;
      return save(third.input);
    });
    all(out, 0);
  });
});
