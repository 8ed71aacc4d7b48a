import { createServer, type Server, type ServerResponse } from 'node:http';
import { answerToJson, backward, GraphError, RemoteBackend, requestFromJson, save, sum } from 'onnsight';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClose, expectEffect, loadToy, reference } from '../support/toy.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests break what a type would say.
type Json = any;

const lm = await loadToy();
const { clean } = reference.prompts;
let server: Server;
let url: string;
const received: string[] = [];

/** A server that holds the model: it gets data, looks at it, and answers with data. */
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    received.push(text);
    try {
      const trace = requestFromJson(JSON.parse(text));
      if (trace.graph.root.nodes.length > 50) throw new Error('too many steps');
      response.end(JSON.stringify(answerToJson(await lm.execute(trace))));
    } catch (error) {
      response.statusCode = 400;
      response.end(JSON.stringify({ error: (error as Error).message }));
    }
  }).listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://localhost:${(server.address() as { port: number }).port}`;
});
afterAll(() => {
  server.close();
});

describe('a remote backend', () => {
  it('sends the graph as data and gets the saved tensors back', async () => {
    const expected = reference.cases.scale.logits_last;
    expectEffect(expected);
    const logits = await lm.trace(
      clean,
      () => {
        lm.transformer.h[1].output *= 0.5;
        return save(lm.lm_head.output['0, -1']);
      },
      { backend: new RemoteBackend(url) },
    );
    expectClose(logits, expected);
    expect(JSON.parse(received.at(-1)!)).toMatchObject({ format: 'onnsight-request', version: 1 });
  });

  it('says why the server refuses', async () => {
    const trace = lm.trace(
      clean,
      () => {
        let x = lm.transformer.h[0].output;
        for (let i = 0; i < 60; i++) x = x * 2;
        return save(x);
      },
      { backend: new RemoteBackend(url) },
    );
    await expect(trace).rejects.toThrow(/refused the trace: too many steps/);
  });

  it('does not send functions', async () => {
    const trace = lm.trace(clean, (tracer) => save(tracer.apply((x) => x, lm.transformer.h[0].output)), {
      backend: new RemoteBackend(url),
    });
    await expect(trace).rejects.toThrow(
      /remote\.test\.ts:\d+:\d+ - This graph cannot be data: a function given to apply is code/,
    );
  });
});

describe('an answer that is not sound', () => {
  type Answer = { tensors: { dtype: string; dims: number[]; data: string }[] };
  let misbehave: (answer: Answer, response: ServerResponse) => void;
  let bad: Server;
  let badUrl: string;
  const seen: string[] = [];
  beforeAll(async () => {
    bad = createServer(async (request, response) => {
      seen.push(request.url!);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const trace = requestFromJson(JSON.parse(Buffer.concat(chunks).toString()));
      misbehave(answerToJson(await lm.execute(trace)) as Answer, response);
    }).listen(0);
    await new Promise((resolve) => bad.once('listening', resolve));
    badUrl = `http://localhost:${(bad.address() as { port: number }).port}/trace`;
  });
  afterAll(() => {
    bad.closeAllConnections();
    bad.close();
  });
  const trace = (backend: RemoteBackend, options: { signal?: AbortSignal } = {}) =>
    lm.trace(clean, () => save(lm.transformer.h[0].output), { backend, ...options });

  it.each<[string, (answer: Answer, response: ServerResponse) => void, RegExp]>([
    [
      'fewer tensors',
      (_, response) => response.end(JSON.stringify({ tensors: [] })),
      /saves 1 tensors, but the answer has 0/,
    ],
    [
      'more tensors',
      ({ tensors }, response) => response.end(JSON.stringify({ tensors: [...tensors, ...tensors] })),
      /the answer has 2/,
    ],
    ['no tensor', (_, response) => response.end(JSON.stringify({ tensors: [null] })), /has no tensor for/],
    [
      'another dtype',
      ({ tensors: [one] }, response) => response.end(JSON.stringify({ tensors: [{ ...one, dtype: 'int32' }] })),
      /is int32\[.*the trace saves float32/,
    ],
    [
      'other dims',
      ({ tensors: [one] }, response) =>
        response.end(JSON.stringify({ tensors: [{ ...one, dims: [one!.dims.reduce((a, b) => a * b)] }] })),
      /but the trace saves float32\[1, /,
    ],
    [
      'an error with tensors',
      (answer, response) => response.writeHead(500).end(JSON.stringify(answer)),
      /answered 500 with something/,
    ],
    [
      'a page',
      (answer, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(JSON.stringify(answer)),
      /answered 200 with something/,
    ],
    [
      'control characters',
      (_, response) => response.end(JSON.stringify({ error: '\u001b[31mred' })),
      /refused the trace: {2}?\[31mred/,
    ],
    ['a connection that breaks', (_, response) => response.destroy(), /could not be asked/],
    [
      'a redirect',
      (_, response) => response.writeHead(307, { location: 'http://example.com/other' }).end(),
      /redirects \(307\) to http:\/\/example\.com\/other/,
    ],
  ])('%s', async (_, how, says) => {
    misbehave = how;
    seen.length = 0;
    const refused = trace(new RemoteBackend(badUrl, { authorization: 'Bearer secret' }));
    await expect(refused).rejects.toThrow(says);
    await expect(refused).rejects.toThrow(badUrl);
    expect(seen).toEqual(['/trace']);
  });

  it('none at all: a time limit, and the signal', async () => {
    misbehave = () => {};
    await expect(trace(new RemoteBackend(badUrl, {}, { timeout: 300 }))).rejects.toThrow(
      /has not answered within 0\.3 s/,
    );
    const reason = new Error('mine');
    const abort = new AbortController();
    setTimeout(() => abort.abort(reason), 100);
    await expect(trace(new RemoteBackend(badUrl), { signal: abort.signal })).rejects.toBe(reason);
  });

  it('no password is shown', async () => {
    await expect(trace(new RemoteBackend('http://me:secret@localhost:1/'))).rejects.toThrow(/^http:\/\/localhost:1\/ /);
  });
});

describe('a request that is not sound', () => {
  const request = async () => {
    let json = '';
    await lm.trace(clean, () => save(lm.transformer.h[0].output * 2), {
      backend: new RemoteBackend(url),
    });
    json = received.at(-1)!;
    return JSON.parse(json) as Json;
  };

  it.each([
    ['another version', (json: Json) => (json.version = 2), /version/],
    [
      'an unknown operation',
      (json: Json) => (json.graph.root.nodes.at(-1).op = 'eval'),
      /there is no operation 'eval'/,
    ],
    [
      'a lie about a dtype',
      (json: Json) => (json.graph.root.nodes.at(-1).outputs[0].dtype = 'bool'),
      /makes float32, but the graph says bool/,
    ],
    ['data of the wrong size', (json: Json) => (json.inputs.input_ids.dims = [1, 3]), /inputs\.input_ids: .* bytes/],
  ])('%s', async (_, damage, message) => {
    const json = await request();
    damage(json);
    expect(() => requestFromJson(json)).toThrow(GraphError);
    expect(() => requestFromJson(json)).toThrow(message);
  });

  it('another model, or a module that is not there', async () => {
    const json = await request();
    await expect(lm.execute({ ...requestFromJson(json), model: 'other' })).rejects.toThrow(/made for another model/);
    json.graph.root.nodes[0].attributes.path = 'transformer.x';
    await expect(lm.execute(requestFromJson(json))).rejects.toThrow(GraphError);
  });
});

describe('gradients in a request that is not sound', () => {
  const request = async () => {
    await lm.trace(
      clean,
      () => {
        const { output } = lm.transformer.h[0];
        let loss: number = sum(output);
        if (loss > 0) loss = loss * 2;
        backward(loss);
        return save(output.grad);
      },
      { backend: new RemoteBackend(url) },
    );
    return JSON.parse(received.at(-1)!) as Json;
  };
  const find = ({ graph }: Json, op: string) => graph.root.nodes.find((node: Json) => node.op === op);

  it.each([
    [
      'a gradient of nothing',
      (json: Json) => find(json, 'grad').inputs.pop(),
      /it takes 2 inputs, but the graph gives 1/,
    ],
    [
      'a gradient without a pass',
      (json: Json) => find(json, 'grad').inputs.reverse(),
      /its first input is not a backward pass/,
    ],
    [
      'a gradient of another dtype than its tensor',
      (json: Json) => (find(json, 'grad').outputs[0].dtype = 'float64'),
      /floating-point tensors of one dtype/,
    ],
    [
      'a gradient that is set in a branch',
      (json: Json) => {
        const set = structuredClone(find(json, 'grad'));
        set.op = 'setgrad';
        set.attributes = {};
        set.inputs = Array(3).fill(find(json, 'read').outputs[0].id);
        set.outputs = [];
        find(json, 'if').regions[0].nodes.push(set);
      },
      /set in the root of a graph/,
    ],
  ])('%s', async (_, damage, message) => {
    const json = await request();
    damage(json);
    expect(() => requestFromJson(json)).toThrow(GraphError);
    expect(() => requestFromJson(json)).toThrow(message);
  });
});
