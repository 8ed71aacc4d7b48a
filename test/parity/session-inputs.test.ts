import { cat, gt, mul, save, type Traced, zeros } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, difference, fact, loadSmall } from './support.ts';

const lm = await loadToy();
const mlp = await loadSmall('zoo/mlp.ts');
const ids = reference.ids.clean as number[];
const caches = [0, 1, 2, 3].flatMap((i) => [`past_key_values.${i}.key`, `past_key_values.${i}.value`]);

describe('inputs of a trace of a session that are values of an earlier one', () => {
  it('token ids, by name or as the only input, saved or not', async () => {
    const logits = await lm.session((session) => {
      const ids = session.trace(clean, () => lm.transformer.wte.input);
      const saved = session.trace(clean, () => save(lm.transformer.wte.input));
      return [{ input_ids: ids }, ids, { input_ids: saved }].map((inputs) =>
        session.trace(inputs, () => save(lm.lm_head.output['0, -1'])),
      );
    });
    for (const one of logits) expectClose(one, reference.cases.modules.logits_last);
  });

  it('the token that an earlier trace predicts: three traces generate what PyTorch does', async () => {
    const generated = await lm.session((session) => {
      let ids = session.trace(fact, () => lm.transformer.wte.input);
      for (let step = 0; step < 3; step++) {
        ids = session.trace({ input_ids: ids }, () => cat([ids, lm.lm_head.output[':, -1:'].argmax(-1)], 1));
      }
      return save(ids);
    });
    expect([...generated.data].map(Number)).toEqual(reference.cases.generate.plain.slice(0, 12));
  });

  it('a key-value cache: the mask and the positions are filled in when the trace runs', async () => {
    const logits = await lm.session((session) => {
      const past: Record<string, Traced> = {};
      session.trace({ input_ids: [ids.slice(0, 9)] }, () => {
        for (const name of caches) past[name] = lm.outputs[name.replace('past_key_values', 'present')];
      });
      return session.trace({ input_ids: [ids.slice(9)], ...past }, () => save(lm.lm_head.output['0, -1']));
    });
    expectClose(logits, reference.cases.modules.logits_last);
  });

  it('a cache that is changed on the way, as in two traces with tensors between them', async () => {
    const rest = [ids.slice(9)];
    const first = { input_ids: [ids.slice(0, 9)] };
    const present = await lm.trace(first, () => {
      const found: Record<string, Traced> = {};
      for (const name of caches) found[name] = save(lm.outputs[name.replace('past_key_values', 'present')] * 0.5);
      return found;
    });
    const expected = await lm.trace({ input_ids: rest, ...present } as never, () => save(lm.lm_head.output['0, -1']));
    const logits = await lm.session((session) => {
      const past: Record<string, Traced> = {};
      session.trace(first, () => {
        for (const name of caches) past[name] = mul(lm.outputs[name.replace('past_key_values', 'present')], 0.5);
      });
      return session.trace({ input_ids: rest, ...past }, () => save(lm.lm_head.output['0, -1']));
    });
    expect(difference(logits, expected)).toBe(0);
  });

  it('a value whose size only the run tells', async () => {
    const { logits, seen } = await lm.session((session) => {
      const some = session.trace(clean, () => {
        const ids = lm.transformer.wte.input['0'];
        return ids[gt(ids, 40)];
      });
      return session.trace({ input_ids: some.unsqueeze(0) }, () => ({
        seen: save(lm.transformer.wte.input),
        logits: save(lm.lm_head.output['0, -1']),
      }));
    });
    const some = ids.filter((id) => id > 40);
    expect([...seen.data].map(Number)).toEqual(some);
    expect(difference(logits, await lm.trace({ input_ids: [some] }, () => save(lm.lm_head.output['0, -1'])))).toBe(0);
  });

  it('is made before the traces: the input of the only one', async () => {
    const output = await mlp.session((session) => session.trace({ x: zeros(1, 5) + 1 }, () => save(mlp.output)));
    expect(difference(output, await mlp.trace({ x: [[1, 1, 1, 1, 1]] }, () => save(mlp.output)))).toBe(0);
  });

  it('takes a trace in a branch along, if its input was made before', async () => {
    const logits = await lm.session((session) => {
      const ids = session.trace(clean, () => lm.transformer.wte.input);
      const norm = session.trace(clean, () => lm.transformer.h[0].output.norm());
      if (norm > 0) return session.trace({ input_ids: ids }, () => save(lm.lm_head.output['0, -1']));
    });
    expectClose(logits!, reference.cases.modules.logits_last);
  });

  it('has an effect: a write of the earlier trace that only this input depends on', async () => {
    const token = await lm.session((session) => {
      const first = session.trace(fact, () => {
        lm.lm_head.output[':, -1, 7'] = 1000;
        return lm.lm_head.output[':, -1:'].argmax(-1);
      });
      return session.trace({ input_ids: first }, () => save(lm.transformer.wte.input));
    });
    expect(Number(token.item())).toBe(7);
  });

  describe('what cannot fit is an error at the line of the trace', () => {
    const line = /session-inputs\.test\.ts:\d+:\d+ - .*/.source;

    it('floats as token ids', async () => {
      const wrong = lm.session((session) => {
        const h = session.trace(clean, () => lm.transformer.h[0].output['0, :, 0'].unsqueeze(0));
        return session.trace({ input_ids: h }, () => save(lm.lm_head.output));
      });
      await expect(wrong).rejects.toThrow(new RegExp(`${line}it holds float32 values`));
    });

    it('another number of dimensions', async () => {
      const wrong = lm.session((session) => {
        const ids = session.trace(clean, () => lm.transformer.wte.input['0']);
        return session.trace({ input_ids: ids }, () => save(lm.lm_head.output));
      });
      await expect(wrong).rejects.toThrow(new RegExp(`${line}has 2 dimensions`));
    });

    it('an id that only the run knows, and that is no row of the table', async () => {
      const wrong = lm.session((session) => {
        const ids = session.trace(clean, () => lm.transformer.wte.input + 1000);
        return session.trace({ input_ids: ids }, () => save(lm.lm_head.output));
      });
      await expect(wrong).rejects.toThrow(new RegExp(`${line}has 189 rows`));
    });
  });

  it('a value that is made in the body of a loop around the trace', async () => {
    const found = await lm.session((session) => {
      const all = session.trace([clean, clean], () => lm.transformer.wte.input);
      const found = [];
      for (const row of all) {
        const ids = row.unsqueeze(0);
        found.push(session.trace({ input_ids: ids }, () => save(lm.lm_head.output['0, -1'])));
      }
      return found;
    });
    expect(found).toHaveLength(2);
    for (const logits of found) expectClose(logits, reference.cases.modules.logits_last);
  });
});
