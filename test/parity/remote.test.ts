import { createServer, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import {
  answerToBytes,
  backward,
  FRAME_TYPE,
  GraphError,
  RemoteBackend,
  ReuseScope,
  requestFromBytes,
  requestFromJson,
  requestToJson,
  save,
  sum,
  type Tensor,
  TraceError,
  type TraceRequest,
} from 'onnsight';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectClose, expectEffect, loadToy, reference } from '../support/toy.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests break what a type would say.
type Json = any;

const lm = await loadToy();
const { clean } = reference.prompts;
let server: Server;
let url: string;
const received: Buffer[] = [];

/** A server that holds the model: it gets data, looks at it, and answers with data. */
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const bytes = await buffer(request);
    received.push(bytes);
    try {
      const trace = requestFromBytes(bytes);
      if (trace.graph.root.nodes.length > 50) throw new Error('too many steps');
      response.setHeader('content-type', FRAME_TYPE).end(answerToBytes(await lm.execute(trace)));
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
    expect(received.at(-1)!.toString('latin1', 0, 8)).toBe('ONNSIGHT');
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
  type Misbehave = (answer: Tensor[], response: ServerResponse) => void;
  let misbehave: Misbehave;
  let bad: Server;
  let badUrl: string;
  const seen: string[] = [];
  beforeAll(async () => {
    bad = createServer(async (request, response) => {
      seen.push(request.url!.split('?')[0]!);
      const bytes = await buffer(request);
      if (request.method === 'POST') {
        misbehave((await lm.execute(requestFromBytes(bytes))) as Tensor[], response);
      } else response.end();
    }).listen(0);
    await new Promise((resolve) => bad.once('listening', resolve));
    badUrl = `http://localhost:${(bad.address() as { port: number }).port}/onnsight`;
  });
  afterAll(() => {
    bad.closeAllConnections();
    bad.close();
  });
  const trace = (backend: RemoteBackend, options: { signal?: AbortSignal } = {}) =>
    lm.trace(clean, () => save(lm.transformer.h[0].output), { backend, ...options });
  const answering =
    (change: (tensors: Tensor[]) => (Tensor | undefined)[]): Misbehave =>
    (tensors, response) =>
      response.end(answerToBytes(change(tensors)));
  const altered =
    (alter: (bytes: Buffer) => void): Misbehave =>
    (tensors, response) => {
      const bytes = Buffer.from(answerToBytes(tensors));
      alter(bytes);
      response.end(bytes);
    };

  it.each<[string, Misbehave, RegExp]>([
    ['fewer tensors', answering(() => []), /saves 1 tensors, but the answer has 0/],
    ['more tensors', answering((tensors) => [...tensors, ...tensors]), /the answer has 2/],
    ['no tensor', answering(() => [undefined]), /has no tensor for/],
    ['another dtype', answering(([one]) => [one!.to('int32') as never]), /is int32\[.*the trace saves float32/],
    ['other dims', answering(([one]) => [one!.reshape(-1)]), /but the trace saves float32\[1, /],
    [
      'another version',
      altered((bytes) => bytes.writeUInt32LE(7, 8)),
      /has version 7, and this onnsight reads version 2: use the same version of onnsight on both sides/,
    ],
    [
      'a header without an end',
      altered((bytes) => bytes.writeUInt32LE(2 ** 31, 12)),
      /wrong answer: it ends within its header/,
    ],
    [
      'a tensor that is cut short',
      (tensors, response) => response.end(answerToBytes(tensors).slice(0, -8)),
      /it ends within its tensor 0/,
    ],
    [
      'more than it tells',
      (tensors, response) => response.end(Buffer.concat([answerToBytes(tensors), Buffer.alloc(8)])),
      /and its header tells \d+/,
    ],
    [
      'an error with tensors',
      (tensors, response) => response.writeHead(500).end(answerToBytes(tensors)),
      /answered 500 with something/,
    ],
    [
      'a page',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>'),
      /gave a wrong answer: it is text\/html under the status 200, not the tensors of the trace/,
    ],
    [
      'bytes of no kind',
      (_, response) => response.end('<html>Log in</html>'),
      /gave a wrong answer: its bytes do not begin with ONNSIGHT/,
    ],
    ...['text/html', 'application/json', 'application/octet-stream'].map((type): [string, Misbehave, RegExp] => [
      `tensors as ${type}`,
      (tensors, response) => response.writeHead(200, { 'content-type': type }).end(answerToBytes(tensors)),
      new RegExp(`gave a wrong answer: it is ${type} under the status 200`),
    ]),
    ...[201, 202, 203, 206].map((status): [string, Misbehave, RegExp] => [
      `tensors under the status ${status}`,
      (tensors, response) => response.writeHead(status, { 'content-type': FRAME_TYPE }).end(answerToBytes(tensors)),
      new RegExp(`gave a wrong answer: it is ${FRAME_TYPE.replace('.', '\\.')} under the status ${status}`),
    ]),
    [
      'control characters',
      (_, response) => response.writeHead(400).end(JSON.stringify({ error: '\u001b[31mred' })),
      /refused the trace: {2}?\[31mred/,
    ],
    [
      'a redirect',
      (_, response) => response.writeHead(307, { location: 'http://example.com/other' }).end(),
      /redirects \(307\) to http:\/\/example\.com\/other/,
    ],
  ])('%s', async (_, how, says) => {
    misbehave = how;
    seen.length = 0;
    const refused = trace(new RemoteBackend(badUrl, { token: 'secret' }));
    await expect(refused).rejects.toThrow(says);
    await expect(refused).rejects.toThrow(badUrl);
    expect(seen).toEqual(['/onnsight/traces']);
  });

  it('of any size: no more is read of it than the trace can have', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 2 ** 20));
    const before = process.memoryUsage().rss;
    misbehave = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    await expect(trace(new RemoteBackend(badUrl))).rejects.toThrow(/gave a wrong answer: it has more than 77312 bytes/);
    misbehave = (_, response) => response.writeHead(500, { 'content-encoding': 'gzip' }).end(bomb);
    await expect(trace(new RemoteBackend(badUrl))).rejects.toThrow(/answered 500 with something/);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 2 ** 20);
  });

  const events = (...parts: string[]): Misbehave => {
    return (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(parts.join(''));
  };
  it.each<[string, Misbehave, RegExp]>([
    [
      'a page',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>'),
      /it is text\/html, not the progress/,
    ],
    ['nothing', (_, response) => response.writeHead(204).end(), /it is nothing, not the progress/],
    ['no JSON', events('event: progress\ndata: {"\n\n'), /one of its events tells no progress/],
    ['no numbers', events('event: progress\ndata: ["a", 2]\n\n'), /one of its events tells no progress/],
    ['an event without an end', events('event: progress\ndata: ', '1'.repeat(2 ** 17)), /one of its events has no end/],
    ['an end, and no answer', events('event: end\ndata: {}\n\n'), /gave a wrong answer: its bytes do not begin/],
    // The next answer of this server has no type.
    ['a stream that breaks off', events('event: progress\ndata: [1, 2]\n\n'), /it is nothing, not the progress/],
  ])('progress that is %s', async (_, how, says) => {
    misbehave = how;
    const block = () => save(lm.transformer.h[0].output);
    const refused = lm.trace(clean, block, { backend: new RemoteBackend(badUrl), onProgress: () => {} });
    await expect(refused).rejects.toThrow(says);
    await expect(refused).rejects.toThrow(badUrl);
  });

  it("an error at the user's line", async () => {
    const site = { file: 'steer.ts', line: 7, column: 3 };
    misbehave = (_, response) => response.writeHead(400).end(JSON.stringify({ error: 'It does not fit.', site }));
    const refused = trace(new RemoteBackend(badUrl));
    await expect(refused).rejects.toThrow(TraceError);
    await expect(refused).rejects.toThrow(/^steer\.ts:7:3 - http.* refused the trace: It does not fit\./);
  });

  it('a connection that breaks: it asks again, with the same id', async () => {
    seen.length = 0;
    misbehave = (tensors, response) => {
      if (seen.length === 1) response.destroy();
      else answering((same) => same)(tensors, response);
    };
    expect((await trace(new RemoteBackend(badUrl))).dims).toEqual([1, 15, 128]);
    expect(seen).toEqual(['/onnsight/traces', '/onnsight/traces']);
  });

  it('a connection that always breaks: it asks three times more', async () => {
    seen.length = 0;
    misbehave = (_, response) => response.destroy();
    await expect(trace(new RemoteBackend(badUrl))).rejects.toThrow(/could not be asked: socket hang up/);
    expect(seen).toEqual(Array(4).fill('/onnsight/traces'));
  });

  it('none at all: a time limit, and the signal', async () => {
    misbehave = () => {};
    await expect(trace(new RemoteBackend(badUrl, { timeout: 300 }))).rejects.toThrow(/has not answered within 0\.3 s/);
    const reason = new Error('mine');
    const abort = new AbortController();
    setTimeout(() => abort.abort(reason), 100);
    await expect(trace(new RemoteBackend(badUrl), { signal: abort.signal })).rejects.toBe(reason);
  });

  it('no password is shown', async () => {
    await expect(trace(new RemoteBackend('http://me:secret@localhost:1/'))).rejects.toThrow(/^http:\/\/localhost:1 /);
  });
});

describe('options that choose where a trace runs', () => {
  const block = () => {
    'use trace';
    return save(lm.lm_head.output['0, -1']);
  };

  it('remote: true needs a server, takes the configured one, and no other beside it', async () => {
    await expect(lm.trace(clean, block, { remote: true })).rejects.toThrow(
      /remote\.test\.ts:\d+:\d+ - remote: true needs a server/,
    );
    RemoteBackend.default = new RemoteBackend(url);
    const before = received.length;
    expectClose(await lm.trace(clean, block, { remote: true }), reference.cases.modules.logits_last);
    expectClose(await lm.trace(clean, block, { remote: false }), reference.cases.modules.logits_last);
    expect(received).toHaveLength(before + 1);
    await expect(lm.trace(clean, block, { remote: true, backend: RemoteBackend.default })).rejects.toThrow(
      /remote\.test\.ts:\d+:\d+ - trace takes either a backend or remote: true/,
    );
    RemoteBackend.default = null;
  });

  it('what a server does not do is refused', async () => {
    const backend = new RemoteBackend(url);
    await expect(lm.trace(clean, block, { backend, onStats: () => {} })).rejects.toThrow(/has no onStats/);
    await expect(lm.trace(clean, block, { backend, reuse: new ReuseScope() })).rejects.toThrow(/has no reuse/);
  });
});

/** Notes the request as JSON. */
class Noting {
  json: Json;

  run(request: TraceRequest) {
    this.json = JSON.parse(JSON.stringify(requestToJson(request)));
    return request.execute();
  }
}

describe('a request that is not sound', () => {
  const request = async () => {
    const noting = new Noting();
    await lm.trace(clean, () => save(lm.transformer.h[0].output * 2), { backend: noting });
    return noting.json;
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
    const noting = new Noting();
    await lm.trace(
      clean,
      () => {
        const { output } = lm.transformer.h[0];
        let loss: number = sum(output);
        if (loss > 0) loss = loss * 2;
        backward(loss);
        return save(output.grad);
      },
      { backend: noting },
    );
    return noting.json;
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
      /where whole forwards stand/,
    ],
  ])('%s', async (_, damage, message) => {
    const json = await request();
    damage(json);
    expect(() => requestFromJson(json)).toThrow(GraphError);
    expect(() => requestFromJson(json)).toThrow(message);
  });
});
