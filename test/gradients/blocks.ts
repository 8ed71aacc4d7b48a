import {
  Adam,
  abs,
  add,
  argmax,
  backward,
  cat,
  cosineSimilarity,
  crossEntropy,
  div,
  grad,
  logSoftmax,
  matmul,
  max,
  mean,
  mul,
  norm,
  Parameter,
  reshape,
  save,
  softplus,
  square,
  sub,
  sum,
  Tensor,
  type Traced,
  tanh,
  topk,
  where,
  zerosLike,
} from 'onnsight';
import type { loadToy } from '../support/toy.ts';
import { fixture } from './pytorch.ts';

type Toy = Awaited<ReturnType<typeof loadToy>>;

const { settings, ids, tokens } = fixture('toy');
export const { clean, corrupt, fact } = ids as Record<'clean' | 'corrupt' | 'fact', number[]>;
const { answer, wrong, target } = tokens as Record<'answer' | 'wrong' | 'target', number>;

/** The key-value caches of the toy model, layer by layer. */
const caches = [0, 1, 2, 3].flatMap((i) => [`past_key_values.${i}.key`, `past_key_values.${i}.value`]);

/** What a case gives, by the names that the reference has for it. */
type Case = (lm: Toy) => Promise<Record<string, Tensor>>;

/** The blocks of the reference cases (test/tools/gradients_reference.py), as a user writes them. */
export const blocks: Readonly<Record<string, Case>> = {
  layers: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      const { wte, wpe, h, ln_f } = lm.transformer;
      return {
        loss: save(loss),
        wte: save(wte.output.grad),
        wpe: save(wpe.output.grad),
        h0_input: save(h[0].input.grad),
        h0: save(h[0].output.grad),
        h1: save(h[1].output.grad),
        h2: save(h[2].output.grad),
        h3: save(h[3].output.grad),
        ln_f: save(ln_f.output.grad),
        logits: save(lm.lm_head.output.grad),
      };
    }),
  attention: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const result: Record<string, Tensor> = {};
      for (let i = 0; i < 4; i++) {
        const { Softmax } = lm.transformer.h[i].attn.ops;
        result[`patterns.${i}`] = save(Softmax.output.grad);
        result[`scores.${i}`] = save(Softmax.input.grad);
      }
      return result;
    }),
  inputs: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const { h, ln_f } = lm.transformer;
      return {
        mlp_hidden: save(h[2].mlp.c_proj.input.grad),
        z: save(h[1].attn.c_proj.input.grad),
        ln_f_input: save(ln_f.input.grad),
        ln_1_input: save(h[1].ln_1.input.grad),
      };
    }),
  parameters: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const { h, ln_f, wpe, wte } = lm.transformer;
      return {
        'transformer.h.0.ln_1.weight': save(h[0].ln_1.weight.grad),
        'transformer.h.1.mlp.c_fc.weight': save(h[1].mlp.c_fc.weight.grad),
        'transformer.h.1.mlp.c_fc.bias': save(h[1].mlp.c_fc.bias.grad),
        'transformer.h.2.attn.c_attn.weight': save(h[2].attn.c_attn.weight.grad),
        'transformer.h.2.attn.c_proj.bias': save(h[2].attn.c_proj.bias.grad),
        'transformer.ln_f.weight': save(ln_f.weight.grad),
        'transformer.ln_f.bias': save(ln_f.bias.grad),
        'transformer.wpe.weight': save(wpe.weight.grad),
        // Tied to the unembedding, which the file has as a transposed copy.
        'transformer.wte.weight': save(wte.weight.grad),
      };
    }),
  set_zero: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const { h, wte } = lm.transformer;
      const before = save(h[2].output.grad.clone());
      h[2].output.grad[':, :-1'] = 0;
      return { before, h0: save(h[0].output.grad), h1: save(h[1].output.grad), wte: save(wte.output.grad) };
    }),
  set_scaled: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const { h, wte } = lm.transformer;
      const before = save(h[1].mlp.output.grad);
      h[1].mlp.output.grad *= 2;
      return { before, h0: save(h[0].output.grad), wte: save(wte.output.grad) };
    }),
  set_blocked: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const { h, wte } = lm.transformer;
      h[1].attn.output.grad = zerosLike(h[1].attn.output);
      return { h0: save(h[0].output.grad), wte: save(wte.output.grad) };
    }),
  set_to_later: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const { h, wte } = lm.transformer;
      h[2].output.grad = h[3].output.grad;
      return { h0: save(h[0].output.grad), h1: save(h[1].output.grad), wte: save(wte.output.grad) };
    }),
  two_passes: (lm) =>
    lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      const { h, wte } = lm.transformer;
      backward(logits[answer]);
      const [a, b] = [h[1].output.grad, wte.output.grad];
      backward(logits[wrong]);
      const [c, d] = [h[1].output.grad, wte.output.grad];
      return {
        'first.h': save(a),
        'first.wte': save(b),
        'second.h': save(c),
        'second.wte': save(d),
        'accumulated.h': save(a + c),
      };
    }),
  scale: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const x = h[1].output;
      h[1].output = x * settings.factor;
      const y = h[1].output;
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return {
        loss: save(loss),
        x: save(x.grad),
        y: save(y.grad),
        h0: save(h[0].output.grad),
        wte: save(wte.output.grad),
      };
    }),
  slice: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      h[2].mlp.output[':, -1'] = 0;
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return {
        loss: save(loss),
        y: save(h[2].mlp.output.grad),
        h: save(h[1].output.grad),
        wte: save(wte.output.grad),
      };
    }),
  slice_traced: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      h[2].output[':, -1'] = h[2].output[':, -1'] * 0.5 + h[1].output[':, 3'] * 2;
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return {
        loss: save(loss),
        y: save(h[2].output.grad),
        h: save(h[1].output.grad),
        wte: save(wte.output.grad),
      };
    }),
  patched: (lm) =>
    lm.trace((tracer) => {
      const { h, wte } = lm.transformer;
      const donor = tracer.invoke([clean], () => h[1].output[':, 10']);
      const loss = tracer.invoke([corrupt], () => {
        h[1].output[':, 10'] = donor;
        const logits = lm.lm_head.output['0, -1'];
        return logits[answer] - logits[wrong];
      });
      return tracer.invoke(() => {
        backward(loss);
        return { loss: save(loss), wte: save(wte.output.grad), y: save(h[1].output.grad) };
      });
    }),
  where: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const x = h[1].output;
      h[1].output = where(x > 0, x, x * 0.1);
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return { loss: save(loss), x: save(x.grad), wte: save(wte.output.grad) };
    }),
  topk: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const x = h[2].output;
      const { indices } = topk(abs(x), settings.keep, -1);
      h[2].output = zerosLike(x).scatter(-1, indices, x.gather(-1, indices));
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return { loss: save(loss), x: save(x.grad), wte: save(wte.output.grad) };
    }),
  head: (lm) =>
    lm.trace([clean], () => {
      const { c_proj } = lm.transformer.h[1].attn;
      c_proj.input['..., 32:64'] *= settings.factor;
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return { loss: save(loss), wte: save(lm.transformer.wte.output.grad) };
    }),
  conditional: (lm) => conditional(lm, settings.above),
  conditional_else: (lm) => conditional(lm, 100 * settings.above),
  loop: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      let total: number = zerosLike(h[1].output['0, 0']);
      let count = 0;
      for (const row of h[1].output[0] as Iterable<Traced>) {
        if (norm(row) > settings.threshold) {
          total = total * 0.5 + row * norm(row);
          count += 1;
        }
      }
      const x = h[2].output;
      h[2].output = x + total * 0.001;
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return {
        loss: save(loss),
        count: save(count),
        h: save(h[1].output.grad),
        x: save(x.grad),
        wte: save(wte.output.grad),
      };
    }),
  while: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const first = h[0].output;
      let x = first;
      let times = 0;
      while (norm(x) > settings.below) {
        x = x * settings.shrink + tanh(x) * 0.01;
        times++;
      }
      h[0].output = x;
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return { loss: save(loss), times: save(times), x: save(first.grad), wte: save(wte.output.grad) };
    }),
  index_traced: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const rows = h[2].output[0];
      const index = argmax(norm(rows, 2, -1));
      rows[index] = mean(rows, 0);
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return { loss: save(loss), index: save(index), wte: save(wte.output.grad) };
    }),
  lens: (lm) =>
    lm.trace([clean], () => {
      const { h, wte, ln_f } = lm.transformer;
      const logits = lm.lm_head(ln_f(h[1].output))['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return { loss: save(loss), h: save(h[1].output.grad), wte: save(wte.output.grad) };
    }),
  call: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const x = h[2].output;
      h[2].output = x + h[1].mlp(x);
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return { loss: save(loss), x: save(x.grad), h: save(h[1].output.grad), wte: save(wte.output.grad) };
    }),
  async cache(lm) {
    const first = { input_ids: [clean.slice(0, settings.past)] };
    const past = await lm.trace(first, () => {
      const found: Record<string, Tensor> = {};
      for (const name of caches) found[name] = save(lm.outputs[name.replace('past_key_values', 'present')]);
      return found;
    });
    const results = await lm.trace({ input_ids: [clean.slice(settings.past)], ...past }, () => {
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      const found: Record<string, Tensor> = {
        loss: save(loss),
        h: save(lm.transformer.h[1].output.grad),
        wte: save(lm.transformer.wte.output.grad),
      };
      for (const [i, name] of caches.entries())
        found[`${i % 2 === 0 ? 'keys' : 'values'}.${Math.floor(i / 2)}`] = save(lm.inputs[name].grad);
      return found;
    });
    const given = caches.map((name, i) => [`past.${Math.floor(i / 2)}.${i % 2}`, past[name]!] as const);
    return { ...results, ...Object.fromEntries(given) };
  },
  async cache_empty(lm) {
    const gradient = await lm.trace([clean], () => {
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      return save(lm.inputs['past_key_values.2.value'].grad);
    });
    return { dims: Tensor.from(gradient.dims) };
  },
  batch: (lm) =>
    lm.trace([clean, corrupt], () => {
      const { h, wte } = lm.transformer;
      const logits = lm.lm_head.output['0, -1'];
      const loss = logits[answer] - logits[wrong];
      backward(loss);
      return {
        loss: save(loss),
        h: save(h[1].output.grad),
        h3: save(h[3].output.grad),
        wte: save(wte.output.grad),
      };
    }),
  padded: (lm) =>
    lm.trace((tracer) => {
      const { h, wte } = lm.transformer;
      const loss = tracer.invoke([fact], () => lm.lm_head.output['0, -1'][target]);
      tracer.invoke([clean], () => lm.lm_head.output);
      return tracer.invoke(() => {
        backward(loss);
        const [w, g] = [wte.output.grad, h[1].output.grad];
        return {
          loss: save(loss),
          wte: save(w['0, 6:']),
          padding: save(w['0, :6']),
          h: save(g['0, 6:']),
          other_row: save(sum(abs(w[1]))),
        };
      });
    }),
  saliency: (lm) =>
    lm.trace([clean], () => {
      const { wte } = lm.transformer;
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const { output } = wte;
      return { product: save(sum(output * output.grad, -1)[0]), norm: save(norm(output.grad, 2, -1)[0]) };
    }),
  token_gradient: (lm) =>
    lm.trace([clean], () => {
      const { wte } = lm.transformer;
      const logits = lm.lm_head.output['0, -1'];
      backward(logits[answer] - logits[wrong]);
      const scores = wte.output.grad[0].matmul(wte.weight.t());
      return { one_hot: save(scores), top: save(topk(scores, 8, -1).indices) };
    }),
  cross_entropy: (lm) =>
    lm.trace([clean], () => {
      const { h, wte } = lm.transformer;
      const loss = crossEntropy(lm.lm_head.output['0, :-1'], clean.slice(1));
      backward(loss);
      return {
        loss: save(loss),
        wte: save(wte.output.grad),
        h0: save(h[0].output.grad),
        h1: save(h[1].output.grad),
        h2: save(h[2].output.grad),
        h3: save(h[3].output.grad),
      };
    }),
  composed: (lm) =>
    lm.trace([clean], () => {
      const { h: layers, wte } = lm.transformer;
      const [h, g] = [layers[1].output, layers[2].output];
      const likely = max(logSoftmax(lm.lm_head.output, -1), -1).values;
      const loss =
        mean(square(g)) + sum(abs(h)) * 0.001 + norm(g) * 0.01 + mean(cosineSimilarity(h, g, -1)) - mean(likely);
      backward(loss);
      return { loss: save(loss), wte: save(wte.output.grad), h: save(h.grad), g: save(g.grad) };
    }),
  hessian_vector: (lm) =>
    lm.trace([clean], () => {
      const { h } = lm.transformer;
      const logits = lm.lm_head.output['0, -1'];
      const gradient = grad(logits[answer] - logits[wrong], h[2].output);
      const directions = Tensor.from(Float32Array.from({ length: clean.length * 128 }, (_, i) => Math.cos(i)));
      return { h: save(grad(sum(gradient * reshape(directions, [1, -1, 128])), h[2].output)) };
    }),
};

function conditional(lm: Toy, bound: number): Promise<Record<string, Tensor>> {
  return lm.trace([clean], () => {
    const { h, wte } = lm.transformer;
    const x = h[1].output;
    if (norm(h[0].output) > bound) h[1].output = x * settings.factor;
    else h[1].output = x + h[0].output;
    const logits = lm.lm_head.output['0, -1'];
    const loss = logits[answer] - logits[wrong];
    backward(loss);
    return { loss: save(loss), x: save(x.grad), h0: save(h[0].output.grad), wte: save(wte.output.grad) };
  });
}

/** Blocks of several traces. */
export const sessions: Readonly<Record<string, Case>> = {
  attribution_patching: (lm) =>
    lm.session((session) => {
      const { h } = lm.transformer;
      const donors = session.trace([clean], () => [0, 1, 2, 3].map((i) => h[i].output));
      return session.trace([corrupt], () => {
        const logits = lm.lm_head.output['0, -1'];
        const loss = logits[answer] - logits[wrong];
        backward(loss);
        const rows = donors.map((donor, i) => sum((donor - h[i].output) * h[i].output.grad, -1));
        return { corrupt: save(loss), grid: save(cat(rows)) };
      });
    }),
  integrated_gradients: (lm) =>
    lm.session((session) => {
      const { wte } = lm.transformer;
      const steps = Array.from({ length: 8 }, (_, i) => [[(i + 0.5) / 8]]);
      const start = session.trace([corrupt], () => wte.output);
      return session.trace(
        steps.map(() => clean),
        () => {
          const way = wte.output - start;
          wte.output = add(start, mul(way, steps));
          const logits = lm.lm_head.output[':, -1'];
          backward(sum(logits[`:, ${answer}`] - logits[`:, ${wrong}`]));
          const scores = mean(sum(way * wte.output.grad, -1), 0);
          return { scores: save(scores), sum: save(sum(scores)) };
        },
      );
    }),
  step: (lm) =>
    lm.session((session) => {
      const difference = () => {
        'use trace';
        const logits = lm.lm_head.output['0, -1'];
        return logits[answer] - logits[wrong];
      };
      const slope = session.trace([clean], () => {
        backward(difference());
        return lm.transformer.h[1].output.grad;
      });
      return session.trace([clean], () => {
        lm.transformer.h[1].output -= (slope / norm(slope)) * settings.step;
        return { loss: save(difference()), logits_last: save(lm.lm_head.output['0, -1']) };
      });
    }),
};

/** Whole trainings: what each case of the reference gives after its steps. */
export const trainings: Readonly<Record<string, Case>> = {
  async steering(lm) {
    const vector = new Parameter(new Float32Array(128));
    const adam = new Adam([vector], { lr: settings.rate });
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      const loss = await lm.trace([fact], () => {
        lm.transformer.h[1].output[':, -1'] += vector;
        const loss = crossEntropy(lm.lm_head.output[':, -1'], [target]);
        backward(loss);
        return save(loss);
      });
      losses.push(loss.item());
      adam.step();
      adam.zeroGrad();
    }
    return { losses: Tensor.from(losses), vector };
  },
  async lora(lm) {
    const { c_fc } = lm.transformer.h[1].mlp;
    const cosines = Float32Array.from({ length: 512 }, (_, i) => 0.05 * Math.cos(0.7 * i));
    const a = new Parameter(Tensor.from(cosines, 'float32', [128, 4]));
    const b = new Parameter(Tensor.from(new Float32Array(4 * 512), 'float32', [4, 512]));
    const edited = lm.edit(() => {
      c_fc.output += matmul(matmul(c_fc.input, a), b);
    });
    const adam = new Adam([a, b], { lr: 0.01 });
    const losses: number[] = [];
    let last: Record<string, Tensor> = {};
    for (let step = 0; step < 10; step++) {
      const loss = await edited.trace([clean], () => {
        const loss = crossEntropy(edited.lm_head.output['0, :-1'], clean.slice(1));
        backward(loss);
        return save(loss);
      });
      losses.push(loss.item());
      last = { 'last_grads.a': a.grad!, 'last_grads.b': b.grad! };
      adam.step();
      adam.zeroGrad();
    }
    return { losses: Tensor.from(losses), a, b, ...last };
  },
  async interchange(lm) {
    const donor = await lm.trace([clean], () => save(lm.transformer.h[1].output[':, 10']));
    const rotation = new Parameter(Float32Array.from({ length: 128 }, (_, i) => Math.cos(0.3 * i)));
    const adam = new Adam([rotation], { lr: 0.05 });
    const losses: number[] = [];
    for (let step = 0; step < 10; step++) {
      const loss = await lm.trace([corrupt], () => {
        const { output } = lm.transformer.h[1];
        const direction = div(rotation, norm(rotation));
        const own = output[':, 10'];
        const moved = sum(sub(donor, own) * direction, -1, true);
        output[':, 10'] = own + moved * direction;
        const logits = lm.lm_head.output['0, -1'];
        const loss = logits[wrong] - logits[answer];
        backward(loss);
        return save(loss);
      });
      losses.push(loss.item());
      adam.step();
      adam.zeroGrad();
    }
    const length = Math.hypot(...rotation.data);
    return { losses: Tensor.from(losses), direction: Tensor.from(rotation.data.map((value) => value / length)) };
  },
  async probe(lm) {
    const read = (ids: number[]) => lm.trace([ids], () => save(lm.transformer.h[1].output[0]));
    const [one, other] = [await read(clean), await read(corrupt)];
    const odd = Float32Array.from([...clean, ...corrupt], (id) => id % 2);
    const weight = new Parameter(new Float32Array(128));
    const bias = new Parameter(0);
    const adam = new Adam([weight, bias], { lr: 0.01 });
    const losses: number[] = [];
    for (let step = 0; step < 50; step++) {
      const loss = await lm.trace([clean], () => {
        const logits = matmul(cat([one, other]), weight) + add(bias, 0);
        const loss = mean(softplus(logits) - mul(logits, odd));
        backward(loss);
        return save(loss);
      });
      if (step % 10 === 0 || step === 49) losses.push(loss.item());
      adam.step();
      adam.zeroGrad();
    }
    return { losses: Tensor.from(losses), weight, bias };
  },
};
