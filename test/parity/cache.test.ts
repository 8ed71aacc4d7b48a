import { type CacheEntry, type CacheOptions, type GenerateOptions, LanguageModel, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference, TOY } from '../support/toy.ts';
import { clean, corrupt, difference, expectSteps, fact, france, loadSmall, parity } from './support.ts';

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

  it('of a whole generation: every step that runs', async () => {
    const generate = (options: GenerateOptions) =>
      lm.generate(fact, options, (tracer) =>
        tracer.cache({ modules: ['lm_head', lm.transformer.h[1]], positions: -1 }),
      );
    const { result: whole } = await generate({ maxNewTokens: 3, stopTokens: [] });
    const { logits } = parity.generate_cached.plain;
    expectSteps(
      whole.lm_head!.calls!.map(({ output }: CacheEntry) => output),
      { dims: [3, 1, 189], data: logits.data.slice(0, 3 * 189) },
    );
    expect(whole.lm_head!.output.data).toEqual(whole.lm_head!.calls![0]!.output.data);
    // The second token ends it.
    const { result: early } = await generate({ maxNewTokens: 6, stopTokens: [3] });
    expect(early.lm_head!.calls).toHaveLength(2);
    expectSteps(
      early.lm_head!.calls!.map(({ output }: CacheEntry) => output),
      { dims: [2, 1, 189], data: logits.data.slice(0, 2 * 189) },
    );
  });

  it('of attached models, by path, by reference, and with all', async () => {
    const model = await loadToy();
    const { h } = model.transformer;
    const sae = await loadSmall('zoo/sae.ts');
    h[0].sae = sae;
    h[2].sae = sae;
    const both = (modules?: CacheOptions['modules']) =>
      model.trace(clean, (tracer) => {
        h[0].output = h[0].sae(h[0].output);
        h[2].sae(h[2].output);
        return tracer.cache({ ...(modules && { modules }), positions: [-1] });
      });
    const { features } = parity.attached;
    const names = ['transformer.h.0.sae.relu', 'transformer.h.2.sae.relu'];
    const chosen = await both([names[0]!, h[2].sae.relu]);
    const all = await both();
    expect(Object.keys(chosen)).toEqual(names);
    for (const cache of [chosen, all]) {
      for (const i of [0, 1]) {
        const { output } = cache[names[i]!]!;
        expectClose(output, { ...features[i], dims: [1, 1, 512] });
        expect(cache.transformer!.h[2 * i].sae.relu.output).toBe(output);
      }
    }
    expect('transformer.h.0.sae' in all && 'transformer.h.1.mlp' in all).toBe(true);
    const missing = model.trace(clean, (tracer) => tracer.cache({ modules: names }));
    await expect(missing).rejects.toThrow(
      /cache\.test\.ts:\d+:\d+ - cache: transformer\.h\.0\.sae\.relu is not called in this trace/,
    );
  });

  it('of a model that is attached at one place alone, read as modules are', async () => {
    const model = await loadToy();
    const first = model.transformer.h[0];
    first.sae = await loadSmall('zoo/sae.ts');
    for (const modules of [['transformer.h.0.sae.relu'], [first.sae.relu], (path: string) => path.endsWith('relu')]) {
      const cache = await model.trace(clean, (tracer) => {
        first.sae(first.output);
        return tracer.cache({ modules, positions: [-1] });
      });
      const { output } = cache['transformer.h.0.sae.relu']!;
      expectClose(output, { ...parity.attached.features[0], dims: [1, 1, 512] });
      expect(cache.transformer!.h[0].sae.relu.output).toBe(output);
      expect(cache.transformer!.h[0].sae.decoder).toBeUndefined();
    }
  });

  it('inputs alone, and some positions', async () => {
    const path = 'transformer.h.1.mlp';
    const whole = await lm.trace(clean, (tracer) => tracer.cache({ modules: [path], inputs: true }));
    const part = await lm.trace(clean, (tracer) =>
      tracer.cache({ modules: [path], inputs: true, outputs: false, positions: '-2:' }),
    );
    expect(Object.keys(part[path]!)).toEqual(['input']);
    expect(part[path]!.input.dims).toEqual([1, 2, 128]);
    expect(part[path]!.input.data).toEqual(whole[path]!.input!.data.slice(-256));
    const last = await lm.trace(clean, (tracer) => tracer.cache({ modules: ['lm_head'], positions: -1 }));
    expectClose(last.lm_head!.output, { dims: [1, 189], data: reference.cases.modules.logits_last.data });
  });

  it('is read as modules are, by any of their names', async () => {
    const named = await LanguageModel.load(TOY, {
      device: 'cpu',
      rename: { 'transformer.h': 'layers', '.h': 'blocks', 'h.0': 'first', 'mlp.c_proj': 'down' },
    });
    const cache = await named.trace(clean, (tracer) => tracer.cache({ modules: ['layers.0', 'transformer.h.1.mlp'] }));
    expect(Object.keys(cache)).toEqual(['layers.0', 'transformer.h.1.mlp']);
    const { output } = cache['layers.0']!;
    expectClose(output, modules['transformer.h.0']!.output);
    for (const same of [
      cache['transformer.h.0'],
      cache['transformer.h[0]'],
      cache.layers![0],
      cache.transformer!.h[0],
      cache.transformer!.blocks[-4],
      cache.transformer!.first,
    ]) {
      expect(same.output).toBe(output);
    }
    expectClose(cache.transformer!.h[1].mlp.output, modules['transformer.h.1.mlp']!.output);
    expect(cache.lm_head).toBeUndefined();
    expect(cache.transformer!.h[3]).toBeUndefined();
    const { result } = await named.trace(clean, () => ({ result: save(named.transformer.h[1].down.output) }));
    expectClose(result, modules['transformer.h.1.mlp.c_proj']!.output);
  });

  it('is not read before the block has ended', async () => {
    const early = lm.trace(clean, (tracer) => save(tracer.cache().transformer!.h[0].output * 2));
    await expect(early).rejects.toThrow(/cache\.test\.ts:\d+:\d+ - 'transformer' of a cache is read in the block/);
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
