import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Backend, type LanguageModel, norm, type Saved, save, type Tensor, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { TraceError } from '../../runtime/errors.ts';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, difference, fact, loadSmall } from './support.ts';

/** The toy with a sparse autoencoder behind each of two layers. */
async function withSaes(): Promise<LanguageModel> {
  const lm = await loadToy();
  const sae = await loadSmall('zoo/sae.ts');
  lm.transformer.h[0].sae = sae;
  lm.transformer.h[2].sae = sae;
  return lm;
}

const lm = await withSaes();
const h = lm.transformer.h;
const same = (x: Tensor) => x;

/** What plain runs of the two models give: the first layer's output goes through the autoencoder, and on from there. */
async function byHand(scale: number) {
  const sae = await loadSmall('zoo/sae.ts');
  const first = await lm.trace(clean, () => save(h[0].output * scale));
  const decoded = await sae.trace(first, () => save(sae.output));
  const third = await lm.trace(clean, () => {
    h[0].output = decoded;
    return save(h[2].output);
  });
  const again = await sae.trace(third, () => save(sae.output));
  return lm.trace(clean, () => {
    h[2].output = again;
    return save(lm.lm_head.output['0, -1']);
  });
}

describe('a write in front of an attached model or a function whose result is written back has an effect', () => {
  it('in front of a function', async () => {
    const wanted = await lm.trace(clean, () => {
      h[1].output *= 0.5;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(wanted, reference.cases.scale.logits_last);
    for (let i = 0; i < 2; i++) {
      const logits = await lm.trace(clean, (tracer) => {
        h[1].output *= 0.5;
        h[2].output = tracer.apply(same, h[2].output);
        return save(lm.lm_head.output['0, -1']);
      });
      expectClose(logits, reference.cases.scale.logits_last);
    }
  });

  it.each([1, 0.5])('autoencoders at two layers, after a scaling by %d', async (scale) => {
    const logits = await lm.trace(clean, () => {
      h[0].output *= scale;
      h[0].output = h[0].sae(h[0].output);
      h[2].output = h[2].sae(h[2].output);
      return save(lm.lm_head.output['0, -1']);
    });
    expect(difference(logits, await byHand(scale))).toBeLessThan(1e-4);
  });

  it('an autoencoder with its error term changes nothing, and what stands before it does', async () => {
    const logits = await lm.trace(clean, () => {
      h[1].output *= 0.5;
      const x = h[2].output;
      const error = x - h[2].sae(x);
      h[2].output = h[2].sae(x) + error;
      return save(lm.lm_head.output['0, -1']);
    });
    expectClose(logits, reference.cases.scale.logits_last);
  });

  it('skip before an autoencoder', async () => {
    const run = (sae: boolean) =>
      lm.trace(clean, () => {
        h[1].skip(h[0].output * 2);
        const x = h[2].output;
        if (sae) h[2].output = h[2].sae(x) + (x - h[2].sae(x));
        return save(lm.lm_head.output['0, -1']);
      });
    expect(difference(await run(true), await run(false))).toBeLessThan(1e-4);
  });

  it('at every step of a generation', async () => {
    const generated = (scale: number, sae: boolean) =>
      lm.generate(fact, { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
        const logits: Saved[] = [];
        for (const _ of tracer.iter()) {
          h[0].output *= scale;
          const x = h[2].output;
          if (sae) h[2].output = h[2].sae(x) + (x - h[2].sae(x));
          logits.push(save(lm.lm_head.output['0, -1']));
        }
        return logits;
      });
    const { result } = await generated(0.5, true);
    const { result: wanted } = await generated(0.5, false);
    const { result: plain } = await generated(1, false);
    for (const i of [0, 1, 2]) {
      expect(difference(result[i]!, wanted[i]!)).toBeLessThan(1e-4);
      expect(difference(result[i]!, plain[i]!)).toBeGreaterThan(0.1);
    }
  });
});

type Tracer = { apply(fn: (x: Tensor) => Tensor, x: Traced): Traced };

/** Does a step at a layer. Each kind stands on a line of its own, by which an error names it. */
function take({ kind, at }: Step, model: LanguageModel, tracer: Tracer, saved: Saved[]): void {
  'use trace';
  const layer = model.transformer.h[at];
  const sae = model.transformer.h[2].sae;
  if (kind === 'scale') layer.output *= 0.5;
  if (kind === 'row') layer.output['0, -1'] = 1;
  if (kind === 'input') layer.input = layer.input * 2;
  if (kind === 'mlp') layer.mlp.output = layer.attn.output;
  if (kind === 'skip') layer.skip(layer.input * 2);
  if (kind === 'apply') layer.output = tracer.apply(noting, layer.output);
  if (kind === 'sae') layer.output = sae(layer.output);
  if (kind === 'unused') sae(layer.output);
  if (kind === 'branch') if (norm(layer.attn.output) > 12) layer.mlp.output *= 3;
  if (kind === 'constant') layer.output = model.transformer.h[0].output * 0 + 1;
  if (kind === 'read') saved.push(save(layer.output.sum()));
  if (kind === 'features') saved.push(save(sae(layer.input).sum()));
  if (kind === 'logits') saved.push(save(model.lm_head.output['0, -1']));
}

const KINDS = 'scale row input mlp skip apply sae unused branch constant read features logits'.split(' ');

interface Step {
  readonly kind: string;
  readonly at: number;
}

/** Steps at layers in the order in which these run, no two of a kind at one layer. */
function randomSteps(seed: number): Step[] {
  let state = seed * 7919 + 17;
  const below = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const steps: Step[] = [];
  for (let i = 0; i < 3 + below(4); i++) {
    const step = { kind: KINDS[below(KINDS.length)]!, at: below(4) };
    if (!steps.some(({ kind, at }) => kind === step.kind && at === step.at)) steps.push(step);
  }
  return steps.sort((a, b) => a.at - b.at);
}

/** Runs a trace whose writes may all be without effect. */
const lenient: Backend = {
  run: ({ graph, execute }) => {
    const { nodes } = graph.root;
    for (const [i, node] of nodes.entries()) {
      if (node.op === 'write') nodes[i] = { ...node, attributes: { ...node.attributes, lenient: true } };
    }
    return execute();
  },
};

type How = { readonly steps?: number; readonly backend?: Backend };

/** What functions of the block were called with. */
let seen: unknown[] = [];
const noting = (x: Tensor) => {
  seen.push(Array.from(x.data));
  return x;
};

/** What the steps give, numbers and what functions saw of them, or the error. */
async function run(model: LanguageModel, steps: readonly Step[], how: How = {}): Promise<unknown> {
  seen = [];
  const block = (tracer: Tracer) => {
    const saved: Saved[] = [];
    for (const step of steps) take(step, model, tracer, saved);
    return saved;
  };
  try {
    const saved = how.steps
      ? (await model.generate(fact, { maxNewTokens: how.steps, stopTokens: [] }, (tracer) => block(tracer))).result
      : await model.trace(corrupt, (tracer) => block(tracer), how.backend ? { backend: how.backend } : {});
    return [seen, ...(saved as Tensor[]).map(({ data }) => Array.from(data))];
  } catch (error) {
    if (error instanceof TraceError) return error;
    throw error;
  }
}

const told = (result: unknown) => (result instanceof TraceError ? result.message : result);
const source = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');

/** The step whose line an error names. */
function stepOf(error: TraceError): Step {
  const [, at] = /transformer\.h\.(\d)/.exec(error.message)!;
  const [, kind] = /kind === '(\w+)'/.exec(source[error.site!.line - 1]!)!;
  return { kind: kind!, at: Number(at) };
}

describe('random programs', () => {
  it.each([0, 2])(
    'give the same the first time, again, and after another one (%d steps of a generation)',
    async (n) => {
      for (let seed = 0; seed < 16; seed++) {
        const steps = randomSteps(seed);
        const first = told(await run(lm, steps, { steps: n }));
        await run(lm, randomSteps(seed + 500), { steps: n });
        expect(told(await run(lm, steps, { steps: n })), JSON.stringify(steps)).toEqual(first);
        if (seed % 8 === 0) expect(told(await run(await withSaes(), steps, { steps: n }))).toEqual(first);
      }
    },
  );

  it('an error that a line has no effect is right: without the line the same comes back, to the bit', async () => {
    let refused = 0;
    for (let seed = 0; seed < 60; seed++) {
      const steps = randomSteps(seed);
      const error = await run(lm, steps);
      if (!(error instanceof TraceError)) continue;
      expect(error.message, JSON.stringify(steps)).toMatch(/it can have no effect/);
      const { kind, at } = stepOf(error);
      const others = steps.filter((step) => step.kind !== kind || step.at !== at);
      expect(others, error.message).toHaveLength(steps.length - 1);
      const without = await run(lm, others, { backend: lenient });
      expect(await run(lm, steps, { backend: lenient }), `${error.message} ${JSON.stringify(steps)}`).toEqual(without);
      refused++;
    }
    expect(refused).toBeGreaterThan(10);
  });

  it('what is not refused has an effect: without the line something else comes back', async () => {
    let checked = 0;
    for (let seed = 0; seed < 40; seed++) {
      // Times 0, what stands before is without effect in numbers alone.
      const steps = randomSteps(seed).filter(({ kind }) => kind !== 'constant');
      const whole = await run(lm, steps);
      if (whole instanceof TraceError) continue;
      for (const step of steps) {
        if (!isChange(step, steps)) continue;
        const without = await run(
          lm,
          steps.filter((one) => one !== step),
          { backend: lenient },
        );
        expect(without, JSON.stringify([step, steps])).not.toEqual(whole);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(15);
  });
});

/** Whether a step changes numbers: a read does not, nor does a function that gives what it gets; a skip behind a step gives another output. */
function isChange({ kind, at }: Step, steps: readonly Step[]): boolean {
  if (['read', 'features', 'logits', 'unused', 'apply'].includes(kind)) return false;
  const own = steps.filter((step) => step.at === at).map((step) => step.kind);
  return kind === 'skip' || kind === 'input' || own.indexOf('skip') < own.indexOf(kind);
}
