import { matmul, mul, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, fact, france, parity } from './support.ts';

const plain = reference.cases.modules.logits_last;

const scale = (model: Awaited<ReturnType<typeof loadToy>>) =>
  model.edit(() => {
    model.transformer.h[1].output *= 0.5;
  });

describe('edit: interventions that every later trace has', () => {
  it('gives a copy: the model itself stays as it is', async () => {
    const lm = await loadToy();
    const edited = scale(lm);
    expectClose(await edited.trace(clean, () => save(edited.lm_head.output['0, -1'])), parity.edits.one);
    expectClose(await lm.trace(clean, () => save(lm.lm_head.output['0, -1'])), plain);
  });

  it("the copy's modules can be read by either name, as they are one model's", async () => {
    const lm = await loadToy();
    const edited = scale(lm);
    expectClose(await edited.trace(clean, () => save(lm.lm_head.output['0, -1'])), parity.edits.one);
  });

  it('edits add up, and run in their order before the block of the trace', async () => {
    const lm = await loadToy();
    const once = scale(lm);
    const twice = once.edit(() => {
      lm.transformer.h[3].mlp.output[':, -1'] = 0;
    });
    expectClose(await twice.trace(clean, () => save(lm.lm_head.output['0, -1'])), parity.edits.both);
    expectClose(await once.trace(clean, () => save(lm.lm_head.output['0, -1'])), parity.edits.one);
    const back = await once.trace(clean, () => {
      lm.transformer.h[1].output *= 2;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(back, plain);
  });

  it('in place, and clearEdits takes them out', async () => {
    const lm = await loadToy();
    lm.edit(
      () => {
        lm.transformer.h[1].output *= 0.5;
      },
      { inplace: true },
    );
    expectClose(await lm.trace(clean, () => save(lm.lm_head.output['0, -1'])), parity.edits.one);
    lm.clearEdits();
    expectClose(await lm.trace(clean, () => save(lm.lm_head.output['0, -1'])), plain);
  });

  it('a trace without a block has them, too', async () => {
    const edited = scale(await loadToy());
    const { logits } = await edited.trace(clean);
    expectClose({ dims: [189], data: Array.from(logits!.data).slice(-189) }, parity.edits.one);
  });

  it('every invoke has them, on all rows of the batch', async () => {
    const lm = await loadToy();
    const edited = scale(lm);
    const logits = await edited.trace((tracer) => [
      tracer.invoke(clean, () => save(lm.lm_head.output['0, -1'])),
      tracer.invoke([clean, corrupt], () => save(lm.lm_head.output['0, -1'])),
    ]);
    for (const one of logits) expectClose(one, parity.edits.one);
  });

  it('every step of a generation has them', async () => {
    const lm = await loadToy();
    const { steer } = reference.cases.generate;
    const edited = lm.edit(() => {
      lm.transformer.h[2].output[':, -1'] += steer.data;
    });
    const { tokens } = await edited.generate(fact, { maxNewTokens: 6, stopTokens: [] });
    expect(tokens).toEqual(parity.generate_cached.all.tokens);
  });

  it('a scan sees what they do to shapes, and a backend gets them in its graph', async () => {
    const edited = scale(await loadToy());
    const graph = await edited.graph(clean, () => save(edited.lm_head.output));
    expect(String(graph)).toMatch(/read\(path="transformer\.h\.1", port="output"/);
    expect(await edited.scan(clean, () => edited.transformer.h[1].output)).toEqual({
      dtype: 'float32',
      dims: [1, 15, 128],
    });
  });

  it('an edit without effect on what a trace saves is no mistake', async () => {
    const edited = scale(await loadToy());
    const first = await edited.trace(clean, () => save(edited.transformer.h[0].output));
    expect(first.dims).toEqual([1, 15, 128]);
  });

  it('a low-rank update of a weight, as what it adds to the output of the layer', async () => {
    const lm = await loadToy();
    const u = Array.from({ length: 512 }, (_, i) => Math.sin(i));
    const v = Array.from({ length: 128 }, (_, i) => Math.cos(i) / 20);
    const edited = lm.edit(() => {
      const { c_proj } = lm.transformer.h[1].mlp;
      c_proj.output += mul(matmul(c_proj.input, u).unsqueeze(-1), v);
    });
    expectClose(await edited.trace(clean, () => save(lm.lm_head.output['0, -1'])), parity.low_rank.logits);
  });

  it('prints in every trace, once', async () => {
    const lm = await loadToy();
    const edited = lm.edit(() => {
      console.log('norm', lm.transformer.h[0].output.norm());
    });
    const printed: unknown[][] = [];
    const log = console.log;
    console.log = (...values: unknown[]) => printed.push(values);
    try {
      await edited.trace(clean, () => save(lm.lm_head.output));
      await edited.trace(france, () => save(lm.lm_head.output));
    } finally {
      console.log = log;
    }
    expect(printed.map(([first]) => first)).toEqual(['norm', 'norm']);
  });
});

describe('edit: mistakes', () => {
  it('an edit that no longer fits names the line of the edit', async () => {
    const lm = await loadToy();
    const edited = lm.edit(() => {
      lm.transformer.h[1].output = new Float32Array(128 * 15).map(() => 1) as never;
      lm.transformer.h[1].output[':, 12'] = 0;
    });
    const broken = edited.trace(france, () => save(edited.lm_head.output));
    await expect(broken).rejects.toThrow(/edit\.test\.ts:\d+:\d+ - transformer\.h\.1\.output has dims/);
    edited.clearEdits();
    const { dims } = await edited.trace(france, () => save(edited.lm_head.output));
    expect(dims).toEqual([1, 6, 189]);
  });

  it('a save in an edit has nowhere to go, and the trace says so or gives it', async () => {
    const lm = await loadToy();
    let kept: { readonly dims: readonly number[] } | undefined;
    const edited = lm.edit(() => {
      kept = save(lm.transformer.h[0].output);
    });
    await edited.trace(clean, () => save(lm.lm_head.output));
    expect(kept!.dims).toEqual([1, 15, 128]);
  });
});
