import { type LanguageModel, mean, norm, save, type Tensor, topk } from 'onnsight';

/** A tensor's shape and elements. */
export interface Values {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** What the blocks read in the reference. */
export interface Inputs {
  readonly ids: { readonly clean: number[]; readonly corrupt: number[] };
  readonly prompts: {
    readonly answer: string;
    readonly wrong: string;
    readonly fact: string;
    readonly others: readonly string[];
  };
  readonly cases: {
    readonly modules: { readonly modules: Readonly<Record<string, object>> };
    readonly conditional: { readonly norm: number };
  };
}

type Intervention = (lm: LanguageModel, reference: Inputs) => Promise<Record<string, Values>>;

/** The interventions that PyTorch's reference has, as a user writes them: every host runs these very blocks. */
export const interventions: Readonly<Record<string, Intervention>> = {
  async modules(lm, { ids, cases }) {
    // A dropout at the end of a block leaves no trace in the file.
    const paths = Object.keys(cases.modules.modules).filter((path) => !/dropout|transformer\.drop$/.test(path));
    const modules = await lm.trace([ids.clean], () =>
      paths.map((path) => {
        const { input, output } = lm.get(path);
        return { input: save(input), output: save(output) };
      }),
    );
    const results: Record<string, Values> = {};
    for (const [i, { input, output }] of modules.entries()) {
      const ports = cases.modules.modules[paths[i]!]!;
      if ('input' in ports) results[`${paths[i]}.input`] = input;
      if ('output' in ports) results[`${paths[i]}.output`] = output;
    }
    return results;
  },

  async scale(lm, { ids }) {
    const logits = await lm.trace([ids.clean], () => {
      lm.transformer.h[1].output *= 0.5;
      return save(lm.lm_head.output['0, -1']);
    });
    return { logits };
  },

  async zero_last(lm, { ids }) {
    const logits = await lm.trace([ids.clean], () => {
      lm.transformer.h[2].mlp.output[':, -1'] = 0;
      return save(lm.lm_head.output['0, -1']);
    });
    return { logits };
  },

  async head(lm, { ids }) {
    const logits = await lm.trace([ids.clean], () => {
      lm.transformer.h[1].attn.c_proj.input['..., 32:64'] = 0;
      return save(lm.lm_head.output['0, -1']);
    });
    const throughView = await lm.trace([ids.clean], () => {
      const z = lm.transformer.h[1].attn.c_proj.input;
      const [batch, sequence] = z.shape;
      z.view(batch, sequence, 4, 32)['..., 1, :'] = 0;
      return save(lm.lm_head.output['0, -1']);
    });
    return { logits, throughView };
  },

  async patching(lm, { ids, prompts }) {
    const layers = await lm.trace([ids.clean], () => {
      const outputs = [];
      for (const layer of lm.transformer.h) outputs.push(save(layer.output));
      return outputs;
    });
    const answer = lm.tokenizer.token_to_id(prompts.answer)!;
    const wrong = lm.tokenizer.token_to_id(prompts.wrong)!;
    const differences: number[] = [];
    for (const [layer, clean] of layers.entries()) {
      for (let k = 0; k < ids.clean.length; k++) {
        const difference = await lm.trace([ids.corrupt], () => {
          lm.transformer.h[layer].output[`:, ${k}`] = clean[`:, ${k}`];
          const last = lm.lm_head.output['0, -1'];
          return save(last[answer] - last[wrong]);
        });
        differences.push(difference.item());
      }
    }
    return { grid: { dims: [layers.length, ids.clean.length], data: differences } };
  },

  async conditional(lm, { ids, cases }) {
    const results: Record<string, Tensor> = {};
    for (const [side, factor] of Object.entries({ taken_below: 0.5, taken_above: 2 })) {
      const threshold = cases.conditional.norm * factor;
      results[side] = await lm.trace([ids.clean], () => {
        if (lm.transformer.h[0].output.norm() > threshold) lm.transformer.h[1].output *= 0.5;
        else lm.transformer.h[1].output += 1;
        return save(lm.lm_head.output['0, -1']);
      });
    }
    return results;
  },

  async loop(lm, { ids }) {
    return lm.trace([ids.clean], () => {
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
  },

  async while(lm, { ids }) {
    return lm.trace([ids.clean], () => {
      let x = lm.transformer.h[0].output;
      let times = 0;
      while (norm(x) > 20) {
        x *= 0.7;
        times++;
      }
      lm.transformer.h[0].output = x;
      return { times: save(times), logits: save(lm.lm_head.output['0, -1']) };
    });
  },

  async logit_lens(lm, { ids }) {
    const layers = await lm.trace([ids.clean], () => {
      const lens = [];
      for (const layer of lm.transformer.h) {
        const logits = lm.lm_head(lm.transformer.ln_f(layer.output))['0, -1'];
        const top = topk(logits, 5);
        lens.push({ logits: save(top.values), ids: save(top.indices) });
      }
      return lens;
    });
    const results: Record<string, Values> = {};
    layers.forEach((top, layer) => {
      results[`logits ${layer}`] = top.logits;
      results[`ids ${layer}`] = top.ids;
    });
    return results;
  },

  async skip(lm, { ids }) {
    const logits = await lm.trace([ids.clean], () => {
      lm.transformer.h[2].skip(lm.transformer.h[2].input);
      return save(lm.lm_head.output['0, -1']);
    });
    return { logits };
  },

  async attention(lm, { ids }) {
    const pattern = await lm.trace([ids.clean], () => save(lm.transformer.h[1].attn.ops.Softmax.output));
    return { pattern };
  },

  async batch(lm, { prompts }) {
    const results: Record<string, Tensor> = {};
    for (const prompt of [prompts.fact, ...prompts.others]) {
      results[prompt] = await lm.trace(prompt, () => save(lm.lm_head.output['0, -1']));
    }
    return results;
  },
};
