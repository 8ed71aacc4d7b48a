import { LanguageModel, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference, TOY } from '../support/toy.ts';
import { clean, corrupt, difference, fact, france, parity } from './support.ts';

const lm = await loadToy();
const modules = reference.cases.modules.modules as Record<string, Record<'input' | 'output', never>>;

describe('cache: the activations of all modules, or of some', () => {
  it('has the output of every module, by its path', async () => {
    const cache = await lm.trace(clean, (tracer) => tracer.cache());
    const expected = Object.keys(modules).filter((path) => path in cache);
    expect(expected.length).toBeGreaterThan(40);
    for (const path of expected) {
      if (modules[path]!.output) expectClose(cache[path]!.output, modules[path]!.output, path);
      expect(cache[path]!.input).toBeUndefined();
    }
  });

  it('and the inputs, if they are asked for', async () => {
    const paths = ['transformer.h.1', 'transformer.h.1.mlp.c_proj'];
    const cache = await lm.trace(clean, (tracer) => tracer.cache({ modules: paths, inputs: true }));
    expect(Object.keys(cache)).toEqual(paths);
    for (const path of paths) {
      expectClose(cache[path]!.input!, modules[path]!.input, path);
      expectClose(cache[path]!.output, modules[path]!.output, path);
    }
  });

  it('by reference, by alias, and by a function of the path', async () => {
    const named = await LanguageModel.load(TOY, { device: 'cpu', rename: { 'transformer.h': 'layers' } });
    const byReference = await named.trace(clean, (tracer) => tracer.cache({ modules: [named.transformer.h[1].mlp] }));
    expect(Object.keys(byReference)).toEqual(['transformer.h.1.mlp']);
    const byAlias = await named.trace(clean, (tracer) => tracer.cache({ modules: ['layers.1.mlp'] }));
    expect(Object.keys(byAlias)).toEqual(['layers.1.mlp']);
    const filtered = await named.trace(clean, (tracer) => tracer.cache({ modules: (path) => path.endsWith('mlp') }));
    expect(Object.keys(filtered)).toEqual([0, 1, 2, 3].map((layer) => `transformer.h.${layer}.mlp`));
    for (const { output } of [
      byReference['transformer.h.1.mlp']!,
      byAlias['layers.1.mlp']!,
      filtered['transformer.h.1.mlp']!,
    ]) {
      expectClose(output, modules['transformer.h.1.mlp']!.output);
    }
    const other = lm.trace(clean, (tracer) => tracer.cache({ modules: [named.transformer.h[1]] }));
    await expect(other).rejects.toThrow(/cache\.test\.ts:\d+:\d+ - transformer\.h\.1 belongs to another model/);
  });

  it('holds them as they are after the interventions, wherever it is called', async () => {
    const paths = [0, 1, 2, 3].map((layer) => `transformer.h.${layer}`);
    const cache = await lm.trace(clean, (tracer) => {
      const cache = tracer.cache({ modules: paths });
      lm.transformer.h[1].output *= 0.5;
      return cache;
    });
    const norms = paths.map((path) => Math.hypot(...(cache[path]!.output.data as Float32Array)));
    for (const [i, norm] of parity.scaled_norms.norms.entries()) expect(norms[i]).toBeCloseTo(norm, 2);
  });

  it('of one invoke: its rows alone', async () => {
    const caches = await lm.trace((tracer) =>
      [fact, france].map((prompt) => tracer.invoke(prompt, () => tracer.cache({ modules: ['lm_head'] }))),
    );
    for (const [i, cache] of caches.entries()) {
      expect(cache.lm_head!.output.dims).toEqual([1, 9, 189]);
      const last = Array.from(cache.lm_head!.output.data as Float32Array).slice(-189);
      expectClose({ dims: [189], data: last }, reference.cases.batch.logits_last[i]);
    }
  });

  it('two caches in one trace', async () => {
    const [one, two] = await lm.trace(clean, (tracer) => [
      tracer.cache({ modules: ['transformer.h.0'] }),
      tracer.cache({ modules: ['transformer.h.0', 'lm_head'] }),
    ]);
    expect(difference(one!['transformer.h.0']!.output, two!['transformer.h.0']!.output)).toBe(0);
    expect(Object.keys(two!)).toEqual(['transformer.h.0', 'lm_head']);
  });

  it('with a module that is skipped', async () => {
    const cache = await lm.trace(clean, (tracer) => {
      lm.transformer.h[2].skip(lm.transformer.h[2].input);
      return tracer.cache({ modules: ['transformer.h.1', 'transformer.h.2'] });
    });
    expect(difference(cache['transformer.h.1']!.output, cache['transformer.h.2']!.output)).toBe(0);
  });

  it('in every step of a generation', async () => {
    const { result } = await lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
      const steps = [];
      for (const _ of tracer.all()) steps.push(tracer.cache({ modules: ['lm_head'] }));
      return steps;
    });
    expect(result.map((cache) => cache.lm_head!.output.dims)).toEqual([
      [1, 9, 189],
      [1, 1, 189],
      [1, 1, 189],
    ]);
    const steps = result.map((cache) => Array.from(cache.lm_head!.output.data as Float32Array).slice(-189));
    expectClose(
      { dims: [3 * 189], data: steps.flat() },
      { dims: [3 * 189], data: parity.generate_cached.plain.logits.data.slice(0, 3 * 189) },
    );
  });

  it('in every trace of a session', async () => {
    const caches = await lm.session((session) =>
      [clean, corrupt].map((prompt) => session.trace(prompt, (tracer) => tracer.cache({ modules: ['lm_head'] }))),
    );
    const alone = await lm.trace(corrupt, () => save(lm.lm_head.output));
    expect(difference(caches[1]!.lm_head!.output, alone)).toBe(0);
    expect(difference(caches[0]!.lm_head!.output, alone)).toBeGreaterThan(0.01);
  });

  it('under a traced condition is an error', async () => {
    const late = lm.trace(clean, (tracer) => {
      if (lm.transformer.h[0].output.norm() > 1) tracer.cache();
      return save(lm.lm_head.output);
    });
    await expect(late).rejects.toThrow(/cache\.test\.ts:\d+:\d+ - cache\(\) stands in a branch or loop/);
  });

  it('a path that is not there is an error that names the nearest', async () => {
    const wrong = lm.trace(clean, (tracer) => tracer.cache({ modules: ['transformer.hh'] }));
    await expect(wrong).rejects.toThrow(/cache\.test\.ts:\d+:\d+ - .*no module transformer\.hh.*did you mean/);
  });
});
