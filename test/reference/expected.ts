import { type Expected, reference } from '../support/pytorch.ts';

const { cases, prompts } = reference;

/** An intervention's results as PyTorch computed them, by the names that interventions.ts gives them. */
export const expected: Readonly<Record<string, Readonly<Record<string, Expected>>>> = {
  modules: modules(),
  scale: { logits: cases.scale.logits_last },
  zero_last: { logits: cases.zero_last.logits_last },
  head: { logits: cases.head.logits_last, throughView: cases.head.logits_last },
  patching: { grid: { dims: [4, 15], data: cases.patching.grid.flat() } },
  conditional: { taken_below: cases.conditional.taken_below, taken_above: cases.conditional.taken_above },
  loop: { sum: cases.loop.sum, count: { dims: [], data: [cases.loop.count] }, logits: cases.loop.logits_last },
  while: { times: { dims: [], data: [cases.while.times] }, logits: cases.while.logits_last },
  logit_lens: logitLens(),
  skip: { logits: cases.skip.logits_last },
  attention: { pattern: cases.attention.pattern },
  batch: Object.fromEntries(
    [prompts.fact, ...prompts.others].map((prompt, i) => [prompt, cases.batch.logits_last[i]] as const),
  ),
};

function modules(): Record<string, Expected> {
  const results: Record<string, Expected> = {};
  for (const [path, ports] of Object.entries<Record<string, Expected>>(cases.modules.modules)) {
    if (path === 'transformer.drop' || path.includes('dropout')) continue;
    for (const [port, values] of Object.entries(ports)) results[`${path}.${port}`] = values;
  }
  return results;
}

function logitLens(): Record<string, Expected> {
  const results: Record<string, Expected> = {};
  for (const [layer, { ids, logits }] of cases.logit_lens.layers.entries()) {
    results[`ids ${layer}`] = { dims: [5], data: ids };
    results[`logits ${layer}`] = { dims: [5], data: logits };
  }
  return results;
}
