import { mean, NNsight, save } from 'onnsight';

const gpt2 = await NNsight.load('gpt2.onnx');
const { hidden, logits } = await gpt2.trace({ input_ids: [[1, 2, 3]] }, () => {
  const layer = gpt2.transformer.h[5];
  if (layer.output.norm() > 10) layer.output = layer.output * 0.5;
  for (const row of layer.attn.output) mean(row);
  gpt2.transformer.h[8].mlp.output[':, -1'] *= 0;
  gpt2.transformer.h[8].mlp.output[':, -1'] = layer.output[':, -1'] * 2 + 1;
  gpt2.transformer.h[-1].output = 0;
  let x = layer.output.mean(-1);
  x = save(x * 2);
  return { hidden: save(layer.output), logits: gpt2.lm_head.output.save() };
});
const dims: readonly number[] = hidden.dims;
const first = logits.data[0];

// typed tree, as generated from a model file
import type { Envoy, EnvoyMembers } from 'onnsight';

interface Block extends EnvoyMembers {
  readonly attn: EnvoyMembers & { readonly c_attn: EnvoyMembers };
  readonly mlp: EnvoyMembers;
}
interface Gpt2 {
  readonly transformer: EnvoyMembers & { readonly h: EnvoyMembers & readonly Block[] };
  readonly lm_head: EnvoyMembers;
}
const typed = await NNsight.load<Gpt2>('gpt2.onnx');
const out = await typed.trace({ input_ids: [[1]] }, (tracer) => {
  const h = typed.transformer.h[5]!;
  h.attn.output *= 0.5;
  h.mlp.output = -h.mlp.output;
  h.output += 1;
  h.attn.c_attn.output['..., 3:5'] += 1;
  // @ts-expect-error a typo in a module's name
  h.atn;
  const list = [1, 2].map((i) => typed.transformer.h[i]!.output.save());
  const v = ((h.output ** 2 / 3) % 2) - 1;
  const c = h.output > 3 ? save(v) : save(0);
  if ((!(h.output.mean() >= 0) && v < 2) || v === 3) tracer.stop();
  return { list, c, layer: 5, nested: { a: h.output.save() }, view: h.output.view(1, 2, 3)['..., 0, :'] };
});
const a: Float32Array = out.nested.a.data;
const l0: readonly number[] = out.list[0]!.dims;
const five: number = out.layer;
void a;
void l0;
void five;
const multi = await gpt2.trace((tracer) => {
  const x = tracer.invoke({ input_ids: [[1]] }, () => gpt2.transformer.h[0].output.save());
  return { x };
});
multi.x.dims;
const raw = await gpt2.trace({ input_ids: [[1]] });
raw['logits']!.data;
let outer: Envoy | undefined;
outer = gpt2.get('transformer.h.0');
void outer;

export { dims, first };
