import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type ServeOptions, serve, type WorkOptions, work } from 'onnsight/serve';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { baseRequest } from '../fuzz/inputs/base.ts';
import { modelPath } from '../support/fixtures.ts';
import { Asked, askDamaged, BARE } from './asked.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests break what a type would say.
type Json = any;

const MLP = `mlp=${modelPath('zoo/mlp', 'ts')}`;
const GPT2 = `gpt2=${modelPath('zoo/gpt2', 'ts')}`;

/** Requests that were found by trial to end a process, to hang, or to fail in words of the engine. */
const bad: Record<string, { model: string; json: Json }> = JSON.parse(
  readFileSync(new URL('../fixtures/bad-graphs.json', import.meta.url), 'utf8'),
);

describe('no request ends the service', () => {
  let asked: Asked;
  beforeAll(async () => {
    asked = await Asked.start({ models: [MLP, GPT2], limits: { time: 20, memory: 8e8, requests: 1e6 } });
  }, 60_000);
  afterAll(() => asked.server.close());
  const fine = () => asked.post('mlp', baseRequest(asked.hashes.get('mlp')!));

  it.each(Object.keys(bad))('%s is refused in words, or runs', async (name) => {
    const { model, json } = bad[name]!;
    const { status, answer } = await asked.post(model.replace('.ts', ''), json);
    if (status === 200) expect(answer.tensors).toHaveLength(json.graph.saves.length);
    else {
      expect(status).toBeLessThan(500);
      expect(answer.error).not.toMatch(BARE);
    }
    expect((await fine()).status).toBe(200);
  });

  it('of random requests, all are refused in words, or run', async () => {
    expect(await askDamaged(asked, 'mlp', { count: 2000, first: 0 })).toEqual({
      200: expect.any(Number),
      400: expect.any(Number),
    });
    expect((await fine()).status).toBe(200);
  });
});

describe('what an operator sets', () => {
  let asked: Asked;
  beforeAll(async () => {
    const limits = {
      ...{ time: 2, memory: 4e8, elements: 2 ** 28, iterations: 1e12, nodes: 40, models: 1 },
      ...{ bytesIn: 20_000, bytesOut: 4000, requests: 1e6 },
    };
    asked = await Asked.start({ models: [MLP, GPT2], limits });
  }, 60_000);
  afterAll(() => asked.server.close());

  const base = () => structuredClone(baseRequest('')) as Json;
  const graphOf = (name: string) => bad[name]!.json;
  const makes = (elements: number, saved: (id: number) => object[]) => {
    const json = structuredClone(graphOf('attack-full12'));
    const sizes = json.graph.operands.find(({ value }: Json) => value === 0);
    sizes.data = [String(elements)];
    const [full] = json.graph.root.nodes.filter(({ op }: Json) => op === 'full');
    full.outputs[0].shape = [elements];
    json.graph.saves = saved(full.outputs[0].id);
    return json;
  };

  it.each<[string, number, () => Json, RegExp]>([
    ['time', 422, () => graphOf('attack-loop1e9'), /^It takes longer than 2 s, which this server allows\.$/],
    [
      'memory',
      422,
      () => makes(2 ** 28, (value) => [{ name: 'all', value }]),
      /^The model and it take \d+ bytes of memory, and this server allows 400000000\.$/,
    ],
    [
      'elements',
      400,
      () => makes(2 ** 28 + 1, (value) => [{ name: 'all', value }]),
      /it would make 268435457 elements, and a request may make 268435456 at once/,
    ],
    [
      'nodes',
      400,
      () => {
        const json = base();
        const [read] = json.graph.root.nodes.filter(({ op }: Json) => op === 'read');
        for (let id = 100; id < 140; id++) {
          json.graph.root.nodes.push({ ...read, outputs: [{ ...read.outputs[0], id }] });
        }
        return json;
      },
      /^The graph has \d+ nodes, and a request may have 40\.$/,
    ],
    ['bytesIn', 413, () => ({ ...base(), more: 'x'.repeat(20_000) }), /^The request is larger than 20000 bytes/],
    [
      'bytesOut',
      422,
      () => makes(1001, (value) => [{ name: 'all', value }]),
      /^The answer has 4004 bytes, and this server sends 4000 at most\. Save less/,
    ],
  ])('%s', async (_, code, request, says) => {
    const { status, answer } = await asked.post('mlp', request());
    expect(answer.error).toMatch(says);
    expect(status).toBe(code);
  });

  it('bytesIn, of a request that is small as long as it is compressed', async () => {
    const { status } = await fetch(`${asked.server.url}/traces?model=${asked.hashes.get('mlp')}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(Buffer.alloc(1e7)),
    });
    expect(status).toBe(413);
  });

  it('models in memory: one takes the place of the other, and both run', async () => {
    const gpt2 = () => asked.post('gpt2', graphOf('attack-id53'));
    for (let i = 0; i < 2; i++) {
      expect((await asked.post('mlp', base())).status).toBe(200);
      expect((await gpt2()).status).toBe(400);
      const running = execFileSync('pgrep', ['-P', `${process.pid}`, '-f', 'model-process-main'], { encoding: 'utf8' });
      // Those of the other server of this file have ended with it.
      expect(running.trim().split('\n')).toHaveLength(1);
    }
  });

  it.each<[options: unknown, says: string]>([
    [[MLP], "serve takes one object: serve({ models: ['models/gpt2'] })"],
    [{}, 'The option models of serve is an array of at least one text, not undefined'],
    [{ models: [] }, 'The option models of serve is an array of at least one text, not []'],
    [{ models: [MLP], limits: [] }, 'The option limits of serve is an object, not []'],
    [{ models: { toy: MLP } }, 'The option models of serve is an array of at least one text, not {"toy":'],
    [{ models: [MLP], port: '8000' }, 'The option port of serve is a whole number from 0 to 65535, not "8000"'],
    [{ models: [MLP], log: 'no' }, 'The option log of serve is true or false, not "no"'],
    [{ models: [MLP], ports: 1 }, "serve has no option 'ports'; did you mean port?"],
  ])('options are checked before anything starts: %j', async (options, says) => {
    await expect(serve(options as ServeOptions)).rejects.toThrow(says);
  });

  it.each<[args: readonly unknown[], says: string]>([
    [[], "work takes one object: work({ models: ['models/gpt2'], redis: 'redis://localhost:6379' })"],
    [[{ models: [MLP], redis: 'redis://localhost:1' }, 5], 'work takes one object'],
    [[{}], 'The option models of work is an array of at least one text, not undefined'],
    [[{ models: [MLP] }], 'The option redis of work is a text, not undefined'],
    [[{ models: [MLP], redis: 'redis://localhost:1', port: 1 }], "work has no option 'port'"],
  ])('so are those of a worker: %j', async (args, says) => {
    await expect(work(...(args as [WorkOptions]))).rejects.toThrow(says);
    await expect(serve(...([{ models: [MLP] }, 5] as unknown as [ServeOptions]))).rejects.toThrow('serve takes one');
  });

  it('requests in a minute, jobs that wait, iterations; and limits that there are not', async () => {
    const limits = { requests: 4, waiting: 1, iterations: 1000, kept: 8000 };
    const few = await Asked.start({ models: [MLP], limits });
    const endless = () => few.post('mlp', graphOf('attack-endless'));
    const said = await Promise.all([endless(), endless(), endless()]);
    expect(said.map(({ status }) => status).sort()).toEqual([400, 400, 503]);
    expect(said.find(({ status }) => status === 400)!.answer.error).toMatch(
      /a loop has run 1000 times and goes on\. This server allows no more: it is its limit of iterations\./,
    );
    expect(said.find(({ status }) => status === 503)!.answer.error).toMatch(/^1 traces wait for mlp already/);
    const large = await few.post('mlp', { ...base(), more: 'x'.repeat(8000) });
    expect(large).toMatchObject({ status: 503, answer: { error: expect.stringMatching(/has its hands full/) } });
    const unknown = await fetch(`${few.server.url}/traces`, {
      ...{ method: 'POST', duplex: 'half', headers: { 'content-type': 'application/json' } },
      body: new Blob(['{}']).stream(),
    });
    expect(unknown.status).toBe(411);
    const { status, answer } = await endless();
    expect([status, answer.error]).toEqual([429, 'More than 4 requests in a minute: try again later.']);
    await few.server.close();
    await expect(serve({ models: [MLP], limits: { times: 1 } as object })).rejects.toThrow(
      /There is no limit 'times': the limits are time, memory,/,
    );
    await expect(serve({ models: [MLP], limits: { time: 0 } })).rejects.toThrow(/time is a number above 0, not 0/);
    await expect(serve({ models: [MLP, MLP] })).rejects.toThrow(/Two models are called 'mlp'/);
    await expect(serve({ models: [MLP], tokens: 'nowhere' })).rejects.toThrow(/There is no nowhere. Make a token/);
  });

  it('jobs of a user at once; what may wait for all others does', async () => {
    const one = await Asked.start({ models: [MLP], limits: { jobs: 3, iterations: 1000, requests: 1e6 } });
    const post = (id: string, urgency: string, json: Json) =>
      fetch(`${one.server.url}/traces?model=${one.hashes.get('mlp')}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': id, priority: urgency },
        body: JSON.stringify({ ...json, model: one.hashes.get('mlp') }),
      });
    const ended: string[] = [];
    const asks = [
      ['first', 'u=3', graphOf('attack-endless')],
      ['later', 'u=7', base()],
      ['usual', 'u=3', base()],
    ] as const;
    const running = asks.map(async ([id, urgency, json]) => {
      await (await post(id, urgency, json)).text();
      ended.push(id);
    });
    await vi.waitFor(async () => {
      expect(await (await fetch(`${one.server.url}/health`)).json()).toMatchObject({ waiting: { mlp: 2 } });
    });
    const { status, answer } = await one.post('mlp', base());
    expect([status, answer.error]).toEqual([429, expect.stringMatching(/^3 jobs of yours wait or run already, and 3/)]);
    await Promise.all(running);
    expect(ended).toEqual(['first', 'usual', 'later']);
    expect((await post('before', 'u=0', base())).status).toBe(400);
    await one.server.close();
  });

  it('a server that is shut down says so to those who wait', async () => {
    const running = [1, 2].map(() => asked.post('mlp', graphOf('attack-loop1e9')));
    const waiting = async () => (await fetch(`${asked.server.url}/health`)).json();
    await vi.waitFor(async () => expect(await waiting()).toMatchObject({ waiting: { mlp: 1 } }), 1500);
    await asked.server.close();
    for (const { status, answer } of await Promise.all(running)) {
      expect([status, answer.error]).toEqual([503, 'The server is being shut down. Try again later.']);
    }
  });
});
