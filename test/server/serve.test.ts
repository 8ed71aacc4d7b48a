import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  backward,
  ExecutionBackend,
  FRAME_TYPE,
  NNsight,
  RemoteBackend,
  requestToBytes,
  save,
  sum,
  Tensor,
  type TraceRequest,
} from 'onnsight';
import { type Server, serve } from 'onnsight/serve';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addToken } from '../../server/tokens.ts';
import { trainings } from '../gradients/blocks.ts';
import { expectCase } from '../gradients/expected-case.ts';
import { interventions, type Values } from '../reference/interventions.ts';
import { modelPath } from '../support/fixtures.ts';
import { expectClose, loadToy, reference } from '../support/toy.ts';

const lm = await loadToy();
const { clean, corrupt } = reference.prompts;
const folder = mkdtempSync(join(tmpdir(), 'onnsight-serve-'));
const tokens = join(folder, 'tokens');
const [mine, other] = ['mine', 'other'].map((user) => addToken(tokens, user));

let server: Server;
let backend: RemoteBackend;

beforeAll(async () => {
  server = await serve({
    models: [
      'toy=models/toy-gpt2',
      `mlp=${modelPath('zoo/mlp', 'ts')}`,
      `gpt2=${modelPath('zoo/gpt2', 'ts')}`,
      `sae=${modelPath('zoo/sae', 'ts')}`,
    ],
    port: 0,
    tokens,
    log: false,
    limits: { time: 30, iterations: 1e9, elements: 2 ** 22, bytesIn: 2 ** 20, bytesOut: 2 ** 20, reconnect: 0.2 },
  });
  backend = new RemoteBackend(server.url, { token: mine! });
  const { models } = (await (await ask('/models')).json()) as { models: { name: string; hash: string }[] };
  hashes = new Map(models.map(({ name, hash }) => [name, hash]));
}, 60_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** The hashes of the models, by their names. */
let hashes: ReadonlyMap<string, string>;

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`${server.url}${path}`, { ...init, headers: { authorization: `Bearer ${mine}`, ...init.headers } });

const bits = ({ dims, data }: Values) => ({
  dims,
  bytes: Buffer.from(Float64Array.from(data, Number).buffer).toString('hex'),
});

/** What a trace gave, its tensors as their bits. */
const flat = (value: unknown): Record<string, unknown> => {
  if (value instanceof Tensor) return bits(value as never);
  return Object.fromEntries(
    Object.entries(value as object).map(([name, one]) => [name, typeof one === 'object' ? flat(one) : one]),
  );
};

/** A block that goes on until its limit of iterations. */
const long = () => {
  'use trace';
  let x = lm.transformer.h[0].output.norm();
  while (x > 0) x = x * 0.5 + 1;
  return save(x);
};

/** What a client sends of a block. */
async function bytesOf(block: () => unknown): Promise<Uint8Array> {
  let bytes: Uint8Array;
  const noting = {
    async run(request: TraceRequest) {
      bytes = requestToBytes(request);
      return request.graph.saves.map(() => undefined);
    },
  };
  await lm.trace(clean, block, { backend: noting });
  return bytes!;
}

describe('what comes back is what the same trace gives here, to the bit', () => {
  it.each(Object.entries(interventions))('%s', async (_, intervention) => {
    const local = await intervention(lm, reference);
    const run = vi.spyOn(ExecutionBackend.prototype, 'run').mockImplementation((request) => backend.run(request));
    // The second time the server knows what the requests say.
    const [remote, again] = [await intervention(lm, reference), await intervention(lm, reference)];
    expect(run).toHaveBeenCalled();
    run.mockRestore();
    const bitsOf = (results: typeof local) => Object.entries(results).map(([name, values]) => [name, bits(values)]);
    expect(bitsOf(remote)).toEqual(bitsOf(local));
    expect(bitsOf(again)).toEqual(bitsOf(local));
  });

  it('invokes, edits and gradients', async () => {
    const edited = lm.edit(() => {
      lm.transformer.h[1].output *= 0.5;
    });
    const block = () => {
      'use trace';
      return save(edited.lm_head.output['0, -1']);
    };
    expectClose(await edited.trace(clean, block, { backend }), reference.cases.scale.logits_last);
    const trace = (options: object) =>
      lm.trace((tracer) => {
        const grads = [clean, corrupt].map((prompt) =>
          tracer.invoke(prompt, () => {
            const { output } = lm.transformer.h[0];
            backward(sum(lm.lm_head.output[':, -1']));
            return save(output.grad);
          }),
        );
        return grads;
      }, options);
    const [local, remote] = [await trace({}), await trace({ backend })];
    expect(remote.map((tensor) => bits(tensor as never))).toEqual(local.map((tensor) => bits(tensor as never)));
  });

  it('gradients in a cache, of each invoke its own', async () => {
    const trace = (options: object) =>
      lm.trace(
        (tracer) =>
          [clean, corrupt].map((prompt, i) =>
            tracer.invoke(prompt, () => {
              backward(lm.lm_head.output[`0, -1, ${i}`]);
              const { wte, h } = lm.transformer;
              return tracer.cache({ gradients: true, inputs: true, modules: [wte, h[0]] });
            }),
          ),
        options,
      );
    expect(flat(await trace({ backend }))).toEqual(flat(await trace({})));
  });

  it('a session, as one unit: a value of one trace in another, a generation, a loop around traces', async () => {
    const session = (options: object) =>
      lm.session((given) => {
        const hidden = given.trace(clean, () => lm.transformer.h[1].output);
        const patched = given.trace(corrupt, () => {
          lm.transformer.h[1].output = hidden;
          return save(lm.lm_head.output['0, -1']);
        });
        const { sequences, result } = given.generate(clean, { maxNewTokens: 3 }, (tracer) => {
          const norms = [];
          for (const _ of tracer.iter()) norms.push(save(lm.transformer.h[0].output.norm()));
          return norms;
        });
        const again = given.trace({ input_ids: sequences }, () => save(lm.lm_head.output['0, -1']));
        const each = [];
        for (const row of given.trace([clean, corrupt], () => lm.transformer.wte.input)) {
          const ids = row.unsqueeze(0);
          each.push(given.trace({ input_ids: ids }, () => save(lm.transformer.h[2].output.norm())));
        }
        return { patched, result, again, each };
      }, options);
    expect(flat(await session({ backend }))).toEqual(flat(await session({})));
  });

  it('a generation with a block, whose tokens come as they are made', async () => {
    const generate = async (options: object) => {
      const told: unknown[] = [];
      const { sequences, tokens, texts, result } = await lm.generate(
        [clean, 'When Mary and John went to the store , John gave a drink to'],
        (tracer) => {
          const norms = [];
          for (const _ of tracer.iter()) {
            lm.transformer.h[1].output *= 0.9;
            norms.push(save(lm.transformer.h[0].output.norm()));
          }
          return { norms, all: save(tracer.result) };
        },
        { maxNewTokens: 6, doSample: true, seed: 5, onToken: (token) => told.push(token), ...options },
      );
      return { told, tokens, texts, ...flat({ sequences, result }) };
    };
    const local = await generate({});
    expect(local.told.length).toBeGreaterThan(2);
    expect(await generate({ backend })).toEqual(local);
    expect(await generate({ backend: backend.job('generation') })).toEqual(local);
  });

  it('a generation without a seed: a job that runs again, elsewhere, draws the same tokens', async () => {
    const elsewhere = await serve({ models: ['toy=models/toy-gpt2'], port: 0, log: false });
    const drawn = async (from: RemoteBackend, id: string) => {
      const told: number[] = [];
      const { tokens } = await lm.generate([clean, clean], {
        ...{ maxNewTokens: 12, doSample: true, temperature: 5 },
        onToken: ({ id: token }) => told.push(token),
        backend: from.job(id),
      });
      expect(told).toHaveLength(tokens.flat().length);
      return tokens;
    };
    const open = new RemoteBackend(elsewhere.url);
    const first = await drawn(open, 'drawn');
    await elsewhere.close();
    const again = await serve({ models: ['toy=models/toy-gpt2'], port: 0, log: false });
    const second = new RemoteBackend(again.url);
    expect(await drawn(second, 'drawn')).toEqual(first);
    expect(await drawn(second, 'drawn-anew')).not.toEqual(first);
    expect(first[0]).not.toEqual(first[1]);
    await again.close();
  });

  it('models that the server has, called in another one', async () => {
    const own = await loadToy();
    own.transformer.h[0].sae = await NNsight.load(modelPath('zoo/sae', 'ts'));
    const trace = (options: object) =>
      own.trace(
        clean,
        () => {
          const { sae } = own.transformer.h[0];
          own.transformer.h[0].output = sae(own.transformer.h[0].output);
          return { features: save(sae.relu.output['0, -1']), logits: save(own.lm_head.output['0, -1']) };
        },
        options,
      );
    expect(flat(await trace({ backend }))).toEqual(flat(await trace({})));
    own.transformer.h[0].probe = await NNsight.load(modelPath('zoo/sae', 'dynamo'));
    const stranger = own.trace(clean, () => save(own.transformer.h[0].probe(own.transformer.h[0].output)), { backend });
    await expect(stranger).rejects.toThrow(/serve\.test\.ts:\d+:\d+ - .* is none of those that this server has/);
  });

  it('what no request can say is an error at its line', async () => {
    const applied = lm.trace(clean, (tracer) => save(tracer.apply((x) => x, lm.transformer.h[0].output)), { backend });
    await expect(applied).rejects.toThrow(
      /^test.serve?.*serve\.test\.ts:\d+:\d+ - This graph cannot be data: a function/,
    );
    const derived = lm.trace(
      clean,
      (tracer) => {
        lm.transformer.h[0].output = tracer.apply((x) => x, lm.transformer.h[0].output, { backward: (g) => g });
        backward(sum(lm.lm_head.output));
        return save(lm.transformer.wte.output.grad);
      },
      { backend },
    );
    await expect(derived).rejects.toThrow(/serve\.test\.ts:\d+:\d+ - This graph cannot be data: a function/);
    const inSession = lm.session(
      (given) => given.trace(clean, (tracer) => save(tracer.apply((x) => x, lm.transformer.h[0].output))),
      { backend },
    );
    await expect(inSession).rejects.toThrow(/serve\.test\.ts:\d+:\d+ - This graph cannot be data: a function/);
    const twice = lm.session((given) => given.generate(clean, { backend }), {});
    await expect(twice).rejects.toThrow(/serve\.test\.ts:\d+:\d+ - .*give backend to the session/);
    await expect(lm.generate(clean, { backend, remote: true })).rejects.toThrow(
      /serve\.test\.ts:\d+:\d+ - generate takes either a backend or remote: true/,
    );
  });
});

it.each(Object.entries(trainings))(
  'parameters are trained on a server as PyTorch trains them: %s',
  async (name, train) => {
    const run = vi.spyOn(ExecutionBackend.prototype, 'run').mockImplementation((request) => backend.run(request));
    const trained = await train(lm);
    expect(run).toHaveBeenCalled();
    run.mockRestore();
    expectCase(name, trained);
  },
);

describe('what a user learns', () => {
  const json = async (path: string) => (await ask(path)).json();

  it('the models: their hash, inputs, modules and types', async () => {
    const { models } = (await json('/models')) as { models: { name: string; hash: string; inputs: object[] }[] };
    expect(models.map(({ name }) => name)).toEqual(['toy', 'mlp', 'gpt2', 'sae']);
    const toy = (await json('/models/toy')) as { inputs: object[] };
    expect(toy).toMatchObject({ modules: { name: '', modules: [{ name: 'transformer' }, { name: 'lm_head' }] } });
    expect(toy.inputs[0]).toEqual({ name: 'input_ids', dtype: 'int64', dims: ['batch', 'sequence'] });
    expect(JSON.stringify(toy)).toContain('"name":"c_proj"');
    expect(await (await ask('/models/toy/types')).text()).toContain('export interface Toy');
    expect(await json('/models/other')).toEqual({ error: "There is no model 'other': there is toy, mlp, gpt2, sae." });
  });

  it('health without a token, metrics with one', async () => {
    expect(await (await fetch(`${server.url}/health`)).json()).toMatchObject({ status: 'ok' });
    expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
    await lm.trace(clean, () => save(lm.lm_head.output['0, -1']), { backend });
    expect(await (await ask('/metrics')).text()).toMatch(/onnsight_jobs_total\{model="toy",status="completed"\} \d/);
  });

  it('the progress of a trace, as it goes', async () => {
    const told: [number, number][] = [];
    await lm.trace(clean, () => save(lm.transformer.h[2].output), {
      backend,
      onProgress: (done, total) => told.push([done, total]),
    });
    expect(told.length).toBeGreaterThan(1);
    expect(told.at(-1)![0]).toBe(told.at(-1)![1]);
  });
});

describe('who may ask', () => {
  const trace = (own: RemoteBackend) => lm.trace(clean, () => save(lm.lm_head.output['0, -1']), { backend: own });

  it('nobody without a token of the file, which has no token itself', async () => {
    await expect(trace(new RemoteBackend(server.url))).rejects.toThrow(/refused the trace: This server wants a token/);
    await expect(trace(new RemoteBackend(server.url, { token: 'guessed' }))).rejects.toThrow(/is none of this server/);
    expect(readFileSync(tokens, 'utf8')).not.toContain(mine);
  });

  it('whoever the file has when they ask: it is read again when it changes', async () => {
    const before = readFileSync(tokens);
    const late = new RemoteBackend(server.url, { token: addToken(tokens, 'late') });
    expect((await trace(late)).dims).toHaveLength(1);
    writeFileSync(tokens, before);
    await expect(trace(late)).rejects.toThrow(/is none of this server/);
  });

  it('at 127.0.0.1, unless another address is given', () => expect(new URL(server.url).hostname).toBe('127.0.0.1'));

  it('no page of another origin: no answer allows it', async () => {
    const preflight = await ask('/traces', { method: 'OPTIONS', headers: { origin: 'https://example.com' } });
    expect(preflight.status).toBe(404);
    expect([...preflight.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
    const simple = await ask('/traces', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } });
    expect(simple.status).toBe(415);
  });

  it('nobody sees the jobs of others', async () => {
    const job = backend.job();
    await trace(job as never);
    expect((await job.status()).status).toBe('completed');
    const theirs = new RemoteBackend(server.url, { token: other! }).job(job.id);
    await expect(theirs.status()).rejects.toThrow(/There is no job/);
    await expect(theirs.cancel()).rejects.toThrow(/There is no job/);
  });
});

describe('jobs', () => {
  const block = () => {
    'use trace';
    return save(lm.lm_head.output['0, -1']);
  };
  const dispatched = async () => (await (await ask('/metrics')).text()).match(/^onnsight_jobs_total.*$/gm)!;

  const until = (id: string, status: string) =>
    vi.waitFor(async () => expect(await (await ask(`/traces/${id}`)).json()).toMatchObject({ status }), 20_000);

  it('the same trace under the same id does not run twice, and another one is refused', async () => {
    const first = bits(await lm.trace(clean, block, { backend: backend.job('once') }));
    const before = await dispatched();
    expect(bits(await lm.trace(clean, block, { backend: backend.job('once') }))).toEqual(first);
    expect(await dispatched()).toEqual(before);
    await expect(lm.trace(corrupt, block, { backend: backend.job('once') })).rejects.toThrow(
      /The job once is another trace/,
    );
    expect(() => backend.job('a b')).toThrow(/serve\.test\.ts:\d+:\d+ - The id of a job/);
  });

  it('waits, runs, is cancelled', async () => {
    const first = backend.job();
    const second = backend.job();
    const running = lm.trace(clean, long, { backend: first });
    await until(first.id, 'running');
    const waiting = lm.trace(clean, block, { backend: second });
    await until(second.id, 'queued');
    const refused = [waiting, running].map((one) => expect(one).rejects.toThrow(/refused the trace: It was cancelled/));
    await second.cancel();
    await first.cancel();
    await Promise.all(refused);
    expect((await first.status()).status).toBe('cancelled');
    expectClose(await lm.trace(clean, block, { backend }), reference.cases.modules.logits_last);
  });

  it('a trace is cancelled by its signal, and when its client is gone', async () => {
    const signalled = backend.job('signalled');
    const stop = new AbortController();
    const reason = new Error('enough');
    const stopped = expect(lm.trace(clean, long, { backend: signalled, signal: stop.signal })).rejects.toBe(reason);
    await until('signalled', 'running');
    stop.abort(reason);
    await stopped;
    await until('signalled', 'cancelled');
    const leave = new AbortController();
    const gone = ask(`/traces?model=${hashes.get('toy')}`, {
      method: 'POST',
      headers: { 'content-type': FRAME_TYPE, 'idempotency-key': 'gone' },
      body: (await bytesOf(long)) as Uint8Array<ArrayBuffer>,
      signal: leave.signal,
    });
    const left = expect(gone).rejects.toThrow(/abort/);
    await until('gone', 'running');
    leave.abort();
    await left;
    await until('gone', 'cancelled');
  });

  it('a process that is killed ends its trace in words, and is replaced', async () => {
    const job = backend.job();
    const running = lm.trace(clean, long, { backend: job });
    await until(job.id, 'running');
    for (const pid of execFileSync('pgrep', ['-P', `${process.pid}`, '-f', 'model-process-main'], { encoding: 'utf8' })
      .trim()
      .split('\n')) {
      process.kill(Number(pid), 'SIGKILL');
    }
    await expect(running).rejects.toThrow(/refused the trace: It has ended the process of the model \(SIGKILL\)/);
    expectClose(await lm.trace(clean, block, { backend }), reference.cases.modules.logits_last);
  });
});
