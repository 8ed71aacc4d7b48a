import { intervention, type LanguageModel, mean, norm, save, type TensorData, topk, where } from 'onnsight';
import { reference } from '../support/toy.ts';

/** One run of an intervention: what it is given, and which of its outputs is which of PyTorch's results. */
export interface Run {
  readonly inputs: Readonly<Record<string, TensorData>>;
  readonly results: Readonly<Record<string, string>>;
}

export interface Case {
  /** The case of the reference. */
  readonly name: string;
  readonly intervention: unknown;
  readonly runs: readonly Run[];
}

const { ids, prompts, cases: expected } = reference;
const clean = { input_ids: [ids.clean] };

const paths: readonly (readonly [path: string, ports: readonly string[]])[] = Object.entries<object>(
  expected.modules.modules,
)
  .filter(([path]) => path !== 'transformer.drop' && !path.includes('dropout'))
  .map(([path, ports]) => [path, Object.keys(ports)]);

const modules = intervention((lm: LanguageModel) => {
  const results: Record<string, unknown> = {};
  for (const [path, ports] of paths) {
    const module = lm.get(path);
    if (ports.includes('input')) results[`${path}.input`] = save(module.input);
    if (ports.includes('output')) results[`${path}.output`] = save(module.output);
  }
  return results;
});

const scale = intervention({ factor: 'float32' }, (lm: LanguageModel, { factor }) => {
  lm.transformer.h[1].output *= factor;
  return { logits: save(lm.lm_head.output['0, -1']) };
});

const zeroLast = intervention((lm: LanguageModel) => {
  lm.transformer.h[2].mlp.output[':, -1'] = 0;
  return { logits: save(lm.lm_head.output['0, -1']) };
});

const head = intervention((lm: LanguageModel) => {
  lm.transformer.h[1].attn.c_proj.input['..., 32:64'] = 0;
  return { logits: save(lm.lm_head.output['0, -1']) };
});

const headThroughView = intervention({ head: 'int64' }, (lm: LanguageModel, { head: number }) => {
  const z = lm.transformer.h[1].attn.c_proj.input;
  const [batch, sequence] = z.shape;
  z.view(batch, sequence, 4, 32).permute(2, 0, 1, 3)[number] = 0;
  return { logits: save(lm.lm_head.output['0, -1']) };
});

/** Patches one layer at the positions of a mask. */
export const patch = (layer: number) =>
  intervention(
    { patched: 'bool[sequence, 1]', activation: 'float32[sequence, 128]' },
    (lm: LanguageModel, { patched, activation }) => {
      const block = lm.transformer.h[layer];
      block.output = where(patched, activation, block.output);
      return { logits: save(lm.lm_head.output['0, -1']) };
    },
  );

const conditional = intervention({ threshold: 'float32' }, (lm: LanguageModel, { threshold }) => {
  if (lm.transformer.h[0].output.norm() > threshold) lm.transformer.h[1].output *= 0.5;
  else lm.transformer.h[1].output += 1;
  return { logits: save(lm.lm_head.output['0, -1']) };
});

const loop = intervention((lm: LanguageModel) => {
  const rows = lm.transformer.h[1].output[0];
  const threshold = mean(norm(rows, 2, -1));
  let sum = rows[0] * 0;
  let count = 0;
  for (const row of rows) {
    if (norm(row) <= threshold) continue;
    sum += row;
    count++;
  }
  lm.transformer.h[2].output += sum / count;
  return { sum: save(sum), count: save(count), logits: save(lm.lm_head.output['0, -1']) };
});

const whileLoop = intervention({ limit: 'float64' }, (lm: LanguageModel, { limit }) => {
  let x = lm.transformer.h[0].output;
  let times = 0;
  while (norm(x) > limit) {
    x *= 0.7;
    times++;
  }
  lm.transformer.h[0].output = x;
  return { times: save(times), logits: save(lm.lm_head.output['0, -1']) };
});

const logitLens = intervention((lm: LanguageModel) => {
  const lens = [];
  for (const layer of lm.transformer.h) {
    const top = topk(lm.lm_head(lm.transformer.ln_f(layer.output))['0, -1'], 5);
    lens.push({ logits: save(top.values), ids: save(top.indices) });
  }
  return lens;
});

const skip = intervention((lm: LanguageModel) => {
  lm.transformer.h[2].skip(lm.transformer.h[2].input);
  return { logits: save(lm.lm_head.output['0, -1']) };
});

const attention = intervention((lm: LanguageModel) => ({ pattern: save(lm.transformer.h[1].attn.ops.Softmax.output) }));

const last = intervention((lm: LanguageModel) => save(lm.lm_head.output['0, -1']));

const same = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));

/** The interventions of the reference that belong to one forward pass, with the parameters a user would give them. */
export const CASES: readonly Case[] = [
  {
    name: 'modules',
    intervention: modules,
    runs: [
      { inputs: clean, results: same(...paths.flatMap(([path, ports]) => ports.map((port) => `${path}.${port}`))) },
    ],
  },
  { name: 'scale', intervention: scale, runs: [{ inputs: { ...clean, factor: 0.5 }, results: same('logits') }] },
  { name: 'zero_last', intervention: zeroLast, runs: [{ inputs: clean, results: same('logits') }] },
  { name: 'head', intervention: head, runs: [{ inputs: clean, results: same('logits') }] },
  {
    name: 'head',
    intervention: headThroughView,
    runs: [{ inputs: { ...clean, head: 1 }, results: { throughView: 'logits' } }],
  },
  {
    name: 'conditional',
    intervention: conditional,
    runs: Object.entries({ taken_below: 0.5, taken_above: 2 }).map(([side, factor]) => ({
      inputs: { ...clean, threshold: expected.conditional.norm * factor },
      results: { [side]: 'logits' },
    })),
  },
  { name: 'loop', intervention: loop, runs: [{ inputs: clean, results: same('sum', 'count', 'logits') }] },
  {
    name: 'while',
    intervention: whileLoop,
    runs: [{ inputs: { ...clean, limit: 20 }, results: same('times', 'logits') }],
  },
  {
    name: 'logit_lens',
    intervention: logitLens,
    runs: [
      {
        inputs: clean,
        results: Object.fromEntries(
          [0, 1, 2, 3].flatMap((layer) => ['logits', 'ids'].map((key) => [`${key} ${layer}`, `${layer}.${key}`])),
        ),
      },
    ],
  },
  { name: 'skip', intervention: skip, runs: [{ inputs: clean, results: same('logits') }] },
  { name: 'attention', intervention: attention, runs: [{ inputs: clean, results: same('pattern') }] },
  {
    name: 'batch',
    intervention: last,
    runs: [prompts.fact, ...prompts.others].map((prompt, i) => ({
      inputs: { input_ids: [expected.batch.ids[i]] },
      results: { [prompt]: 'result' },
    })),
  },
];
