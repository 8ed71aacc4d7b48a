import {
  Adam,
  AdamW,
  arange,
  cov,
  crossEntropy,
  grad,
  intervention,
  map,
  NNsight,
  Parameter,
  quantile,
  randn,
  SGD,
  save,
  softmax,
  svd,
  Tensor,
  tensor,
  topk,
  zeros,
} from 'onnsight';
import {
  drawGrid,
  getActPatchAttnHeadOutAllPos,
  getActPatchResidPre,
  logitAttribution,
  patch,
  stackHeads,
} from 'onnsight/analysis';
import { serve } from 'onnsight/serve';
import { expect, it } from 'vitest';
import { loadToy, TOY } from '../support/toy.ts';

// biome-ignore lint/suspicious/noExplicitAny: what these calls are given is refused by the type checker, too.
type Any = any;
const lm: Any = await loadToy();
const [loose, values] = [(value: unknown): Any => value, tensor([[1, 2.5]]) as Any];
const text = 'The Eiffel Tower';
const scaled: Any = intervention({ alpha: 'float32' }, (model: Any, { alpha }) => {
  model.lm_head.output *= alpha;
  return { logits: save(model.lm_head.output) };
});
const grid = { clean: text, corrupted: text, metric: () => 1 };
const parameters = [new Parameter([1])];

/** Calls with a name, or an argument, that is not there, and what their error says. */
const CALLS: readonly (readonly [says: string, call: () => unknown])[] = [
  [
    "inputHooks has no option 'prepareInput'; did you mean prepareInputs",
    () => NNsight.load('onnsight/toy-sae', loose({ inputHooks: { prepareInput() {} } })),
  ],
  [
    "NNsight.load has no option 'renam'; did you mean rename",
    () => NNsight.load('onnsight/toy-sae', loose({ renam: {} })),
  ],
  ['scan(inputs, block) takes no more', () => lm.scan(text, () => 1, { signal: null })],
  ['graph(inputs, block) takes no more', () => lm.graph(text, () => save(lm.lm_head.output), {})],
  [
    'invoke(inputs, block) takes no more',
    () => lm.trace((tracer: Any) => tracer.invoke(text, () => save(lm.lm_head.output), {})),
  ],
  [
    'invoke(inputs, block) takes no more',
    () => lm.trace((tracer: Any) => tracer.invoke(() => save(lm.lm_head.output), text)),
  ],
  [
    'session.trace(inputs, block) takes no more',
    () => lm.session((session: Any) => session.trace(text, () => save(lm.lm_head.output), {})),
  ],
  ['generate(prompt, options) takes no more', () => lm.generate(text, { maxNewTokens: 1 }, { seed: 1 })],
  [
    "generate has no option 'max_new_tokens'; did you mean maxNewTokens",
    () => lm.generate(text, { max_new_tokens: 1 }),
  ],
  [
    "generate has no option 'maxNewToken'",
    () => lm.session((session: Any) => session.generate(text, { maxNewToken: 1 }).sequences.save()),
  ],
  ["execute has no option 'signl'; did you mean signal", () => lm.execute({}, { signl: 1 })],
  [
    'iter takes numbers',
    () =>
      lm.generate(text, { maxNewTokens: 1 }, (tracer: Any) => {
        for (const _ of tracer.iter({ start: 1 })) save(lm.lm_head.output);
      }),
  ],
  [
    "map has no option 'concurency'; did you mean concurrency",
    () => map([1], async (x) => x, loose({ concurency: 2 })),
  ],
  ["Adam has no option 'rl'; did you mean lr", () => new Adam(parameters, loose({ rl: 1 }))],
  ["SGD has no option 'momentun'; did you mean momentum", () => new SGD(parameters, loose({ momentun: 1 }))],
  [
    "AdamW has no option 'weight_decay'; did you mean weightDecay",
    () => new AdamW(parameters, loose({ weight_decay: 1 })),
  ],
  ['floating-point numbers, not float', () => new Parameter([1], loose('float'))],
  ['there is no dtype "float"; there are', () => Tensor.from([1], loose('float'))],
  [
    "intervention has no option 'output'; did you mean outputs",
    () => intervention({ a: 'float32' }, () => 1, loose({ output: 'model' })),
  ],
  [
    "The declaration of the parameter 'a' has 'defualt'",
    () => intervention({ a: loose({ type: 'float32', defualt: 1 }) }, () => 1),
  ],
  ["The intervention has no parameter 'alpah'; did you mean alpha? It has alpha", () => scaled(lm, text, { alpah: 1 })],
  ["tensor has no option 'dtyp'; did you mean dtype", () => tensor([1], loose({ dtyp: 'int64' }))],
  ["zeros has no option 'dtyp'; did you mean dtype", () => zeros(2, loose({ dtyp: 'int64' }))],
  ["randn has no option 'sed'; did you mean seed", () => randn([2], loose({ sed: 1 }))],
  ["arange has no option 'dtyp'", () => arange(0, 3, 1, loose({ dtyp: 'int64' }))],
  ["softmax has no option 'dims'; did you mean dim", () => softmax(values, loose({ dims: -1 }))],
  ["topk has no option 'larges'; did you mean largest", () => topk(values, 1, loose({ larges: false }))],
  ["svd has no option 'full'", () => svd(values, loose({ full: false }))],
  ["quantile has no option 'interp'", () => quantile(values, 0.5, loose({ interp: 'linear' }))],
  ["cov has no option 'correctoin'; did you mean correction", () => cov(values, loose({ correctoin: 1 }))],
  [
    "crossEntropy has no option 'reducton'; did you mean reduction",
    () => crossEntropy(values, loose([0]), loose({ reducton: 'sum' })),
  ],
  ["var has no option 'unbiased'", () => values.var(-1, { unbiased: false })],
  [
    "grad has no option 'allow_unused'; did you mean allowUnused",
    () =>
      lm.trace(text, () =>
        save(grad(lm.lm_head.output.sum(), lm.transformer.h[0].output, loose({ allow_unused: true }))),
      ),
  ],
  ["serve has no option 'prot'; did you mean port", () => serve(loose({ models: [], prot: 1 }))],
  ["There is no limit 'memry'", () => serve({ models: [TOY], limits: loose({ memry: 1 }) })],
  [
    "patch has no option 'modul'; did you mean module",
    () => patch(lm, text, text, loose({ modul: 'lm_head', positions: [0] })),
  ],
  [
    "positions has no option 'form'; did you mean from",
    () => patch(lm, text, text, { module: 'lm_head', positions: loose({ form: [0], to: [0] }) }),
  ],
  ["stackHeads has no option 'part'; did you mean parts", () => stackHeads(lm, text, 4, loose({ part: {} }))],
  ["parts has no option 'layer'; did you mean layers", () => stackHeads(lm, text, 4, { parts: loose({ layer: 'h' }) })],
  [
    "no option 'tokn'; did you mean token",
    () => logitAttribution(lm, text, { labels: [], values: zeros(1, 1, 1, 128) }, loose({ tokn: 1 })),
  ],
  ["no option 'corrupt'; did you mean corrupted", () => getActPatchResidPre(lm, loose({ ...grid, corrupt: text }))],
  [
    "getActPatchAttnHeadOutAllPos has no option 'head'; did you mean heads",
    () => getActPatchAttnHeadOutAllPos(lm, loose({ ...grid, head: 4 })),
  ],
  [
    "drawGrid has no option 'titel'; did you mean title",
    () => drawGrid({ rows: [], columns: [], values: [] }, loose({ titel: 'a' })),
  ],
];

it.each(CALLS)('%s', async (says, call) => {
  const error: Error = await Promise.resolve()
    .then(call)
    .then(
      () => Promise.reject(new Error('nothing was wrong')),
      (thrown) => thrown,
    )
    .catch((none) => none);
  expect(error.message).toContain(says);
  expect(error.stack).toContain('unknown-names.test.ts');
});
