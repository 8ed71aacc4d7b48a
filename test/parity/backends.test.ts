import {
  type Backend,
  ExecutionBackend,
  graphFromJson,
  graphToJson,
  NoopBackend,
  save,
  sum,
  type Tensor,
  type TraceRequest,
} from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, loadToy, reference } from '../support/toy.ts';
import { clean, corrupt, parity } from './support.ts';

const lm = await loadToy();

/** A backend as a user writes it: it notes what it was given, and limits it. */
class Recording implements Backend {
  readonly requests: TraceRequest[] = [];
  private readonly limit: number;

  constructor(limit = 100) {
    this.limit = limit;
  }

  async run(request: TraceRequest): Promise<readonly (Tensor | undefined)[]> {
    this.requests.push(request);
    const { length } = request.graph.root.nodes;
    if (length > this.limit) throw new Error(`${length} steps are too many`);
    return request.execute();
  }
}

describe('backends: what runs a trace', () => {
  it('execution is the default, and can be named', async () => {
    const logits = await lm.trace(clean, () => save(lm.lm_head.output['0, -1']), { backend: new ExecutionBackend() });
    expectClose(logits, reference.cases.modules.logits_last);
  });

  it('no-op checks the trace and runs nothing', async () => {
    const nothing = await lm.trace(clean, () => ({ logits: save(lm.lm_head.output) }), { backend: new NoopBackend() });
    expect(nothing).toEqual({ logits: undefined });
    const wrong = lm.trace(clean, () => save(lm.lm_head.output[':, 99']), { backend: new NoopBackend() });
    await expect(wrong).rejects.toThrow(/backends\.test\.ts:\d+:\d+ - /);
  });

  it("a user's own gets the graph, the inputs and the model, and runs it or not", async () => {
    const backend = new Recording();
    const block = () => {
      'use trace';
      lm.transformer.h[1].output *= 0.5;
      return save(lm.lm_head.output['0, -1']);
    };
    expectClose(await lm.trace(clean, block, { backend }), reference.cases.scale.logits_last);
    const [{ graph, inputs, model }] = backend.requests as [TraceRequest];
    expect(Array.from(inputs.input_ids!.data, Number)).toEqual(reference.ids.clean);
    expect(model.path).toContain('toy-gpt2');
    expect(graph.saves).toHaveLength(1);
    const refusing = lm.trace(clean, block, { backend: new Recording(2) });
    await expect(refusing).rejects.toThrow(/steps are too many/);
    expectClose(await lm.trace(clean, block), reference.cases.scale.logits_last);
  });

  it('gets invokes as one batch, and a session as one graph', async () => {
    const backend = new Recording();
    await lm.trace((tracer) => [clean, corrupt].map((prompt) => tracer.invoke(prompt, () => save(lm.lm_head.output))), {
      backend,
    });
    expect(backend.requests[0]!.inputs.input_ids!.dims).toEqual([2, 15]);
    const logits = await lm.session(
      (session) => {
        const hidden = session.trace(clean, () => lm.transformer.h[1].output[':, -1']);
        return session.trace(corrupt, () => {
          lm.transformer.h[1].output[':, -1'] = hidden;
          return save(lm.lm_head.output['0, -1']);
        });
      },
      { backend },
    );
    expectClose(logits, parity.patch_across.corrupt);
    expect(backend.requests).toHaveLength(2);
  });

  it('brings exactly the saved values to life, and no others', async () => {
    const counts: number[] = [];
    const backend: Backend = {
      async run(request) {
        const tensors = await request.execute();
        counts.push(tensors.filter((tensor) => tensor !== undefined).length);
        return tensors;
      },
    };
    await lm.trace(
      clean,
      () => {
        const unsaved = lm.transformer.h[0].output * 2;
        return { one: save(sum(unsaved)), two: save(lm.lm_head.output) };
      },
      { backend },
    );
    expect(counts).toEqual([2]);
  });

  it('the graph is data: it goes through JSON, and what it may call is a closed list', async () => {
    const backend = new Recording();
    const block = () => {
      'use trace';
      for (const row of lm.transformer.h[0].output[0]) if (row.norm() > 1e9) lm.transformer.h[1].output *= 2;
      return save(lm.lm_head.output['0, -1']);
    };
    await lm.trace(clean, block, { backend });
    const { graph } = backend.requests[0]!;
    const json = graphToJson(graph);
    expect(String(graphFromJson(JSON.parse(JSON.stringify(json))))).toBe(String(graph));
    const text = JSON.stringify(json).replace('"op":"norm"', '"op":"exec"').replaceAll('"op": "norm"', '"op": "exec"');
    if (text.includes('"exec"')) expect(() => graphFromJson(JSON.parse(text))).toThrow(/exec/);
  });
});
