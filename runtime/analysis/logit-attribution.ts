import {
  div,
  type Envoy,
  type LanguageModel,
  ModelError,
  mean,
  mul,
  norm,
  save,
  sub,
  sum,
  Tensor,
  TraceError,
} from '../index.ts';
import { block } from '../operators/blocks.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Prompt } from '../types/model.ts';
import type { Components } from './components.ts';
import { type Answer, type ComponentOptions, checkAnswer, checkCall, checkComponentOptions } from './options.ts';
import { transformer } from './parts.ts';

/**
 * What each component adds to a logit, or to the difference of two logits (TransformerLens: `logit_attrs`). The last norm
 * divides by the scale that it has for the prompt. All components together give the logit without what the biases of the
 * norm and the unembedding add to it. Throws a TraceError if the last norm is neither a LayerNorm nor an RMSNorm.
 * @returns float [component, batch, position]
 */
export async function logitAttribution(
  model: LanguageModel,
  prompt: Prompt,
  components: Components,
  answer: Answer,
  options: ComponentOptions = {},
  ...more: readonly never[]
): Promise<Tensor> {
  const site = callerSite();
  checkCall('logitAttribution', 'model, prompt, components, answer, options', model, more);
  const values: unknown = components?.values;
  if (!(values instanceof Tensor) || values.dims.length !== 4) {
    throw new TraceError(
      'logitAttribution takes components, as decomposeResidual, accumulatedResidual and stackHeads give them.',
      site,
    );
  }
  checkAnswer('logitAttribution', answer);
  checkComponentOptions('logitAttribution', options);
  const { token, instead } = answer;
  const { norm: last, unembedding } = transformer(model, options.parts);
  const hasBias = hasParameter(last, 'bias');
  const { input, output, weight, bias, direction } = await model.trace(
    prompt,
    block(() => {
      const rows = unembedding.weight;
      const words = Number(rows.shape[0]);
      const row = (id: number) => {
        if (id >= words) throw new TraceError(`There is no token ${id}: the model knows ${words}, from 0 on.`, site);
        return rows[id];
      };
      return {
        input: save(last.input),
        output: save(last.output),
        weight: save(last.weight),
        bias: hasBias ? save(last.bias) : null,
        direction: save(instead === undefined ? row(token) : sub(row(token), row(instead))),
      };
    }),
  );
  const [there, here] = [values.dims.slice(1), input.dims].map((dims) => dims.join(', '));
  if (there !== here) {
    throw new TraceError(`The components are those of another prompt: [${there}], and [${here}] here.`, site);
  }
  const scaled = (bias ? sub(output, bias) : output) as Tensor;
  const centred = (x: Tensor) => sub(x, mean(x, -1, true)) as Tensor;
  const same = (x: Tensor) => x;
  for (const prepare of [centred, same]) {
    const stream = mul(prepare(input), weight);
    const scale = div(norm(stream, 2, -1, true), norm(scaled, 2, -1, true));
    const off = Number(norm(sub(div(stream, scale), scaled)).item());
    if (off > Number(norm(scaled).item()) * 1e-3) continue;
    return sum(mul(div(prepare(values), scale), mul(weight, direction)), -1) as Tensor;
  }
  throw new TraceError(
    `${last.path} is neither a LayerNorm nor an RMSNorm: what it does is no sum over the components.`,
    site,
  );
}

/** Whether a module has a parameter: one that is there is an error of another kind outside of a trace. */
function hasParameter(module: Envoy, name: string): boolean {
  try {
    module.get(name);
    return true;
  } catch (error) {
    return !(error instanceof ModelError);
  }
}
