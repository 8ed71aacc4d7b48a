import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { baseRequest } from '../fuzz/inputs/base.ts';
import { modelPath } from '../support/fixtures.ts';
import { Asked } from './asked.ts';

describe('clients that do not speak HTTP as others do', () => {
  let asked: Asked;
  let body: string;
  let target: string;
  beforeAll(async () => {
    const limits = { requests: 1e6, bytesIn: 100_000, kept: 150_000 };
    asked = await Asked.start({ models: [`mlp=${modelPath('zoo/mlp', 'ts')}`], limits });
    const hash = asked.hashes.get('mlp')!;
    body = JSON.stringify(baseRequest(hash));
    target = `/traces?model=${hash}`;
  }, 60_000);
  afterAll(() => asked.server.close());

  const open = () => connect(Number(new URL(asked.server.url).port), '127.0.0.1');
  /** The status and the body of the answer that comes to a socket, which is closed then. */
  const answerTo = async (socket: Socket): Promise<[number, string]> => {
    let text = '';
    socket.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const last = text.slice(text.lastIndexOf('HTTP/1.1 '));
      const [head, said] = last.split('\r\n\r\n', 2);
      const [, length = Number.NaN] = /^content-length: (\d+)/im.exec(head!) ?? [];
      if (said !== undefined && Buffer.byteLength(said) >= Number(length)) socket.destroy();
    });
    await once(socket, 'close');
    const last = text.slice(text.lastIndexOf('HTTP/1.1 '));
    return [Number(last.split(' ')[1]), last.slice(last.indexOf('\r\n\r\n') + 4)];
  };
  /** @param ends whether the client sends no more, and says so */
  const send = (bytes: string | Buffer, ends = false) => {
    const socket = open();
    if (ends) socket.end(bytes);
    else socket.write(bytes);
    return answerTo(socket);
  };
  const post = (headers: readonly string[], sent: string) => {
    const type = headers.some((one) => one.startsWith('content-type')) ? [] : ['content-type: application/json'];
    return [`POST ${target} HTTP/1.1`, 'host: x', ...type, ...headers, '', sent].join('\r\n');
  };
  const length = () => `content-length: ${body.length}`;

  it.each<[string, () => string, number, RegExp]>([
    ['half a body', () => post([length()], body.slice(0, 100)), 400, /This is no request of HTTP, or not all of it/],
    ['a length of no number', () => post(['content-length: abc'], body), 400, /This is no request of HTTP/],
    ['two lengths', () => post([length(), 'content-length: 5'], body), 400, /This is no request of HTTP/],
    ['a length beside chunks', () => post([length(), 'transfer-encoding: chunked'], body), 400, /no request of HTTP/],
    ['no length', () => post(['transfer-encoding: chunked'], '0\r\n\r\n'), 411, /does not tell the length/],
    ['a length above the limit', () => post(['content-length: 1000000000'], 'x'), 413, /is larger than 100000 bytes/],
    ['huge headers', () => post([`x-long: ${'a'.repeat(40_000)}`, length()], body), 431, /headers .* are too large/],
    ['the greeting of TLS', () => '\x16\x03\x01\x02\x00\x01\x00', 400, /This is no request of HTTP/],
    ['another encoding', () => post(['content-type: application/json; charset=utf-16', length()], body), 415, /UTF-8/],
    ['gzip that is none', () => post(['content-encoding: gzip', length()], body), 400, /Could not decompress/],
    ['no body', () => post(['content-length: 0'], ''), 400, /This is not a request/],
    [
      'two ids',
      () => post(['idempotency-key: a', 'idempotency-key: b', length()], body),
      400,
      /idempotency-key is the id/,
    ],
    ['a URL that is none', () => 'GET /traces/%zz HTTP/1.1\r\nhost: x\r\n\r\n', 400, /not a valid url component/],
    [
      'a long id',
      () => `GET /traces/${'a'.repeat(500)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      414,
      /exceeding the max param length/,
    ],
    [
      'an id such as __proto__',
      () => 'GET /traces/__proto__ HTTP/1.1\r\nhost: x\r\n\r\n',
      404,
      /There is no job __proto__/,
    ],
  ])('%s: an error in JSON', async (name, request, status, says) => {
    const [code, answer] = await send(request(), name === 'half a body');
    expect([code, Object.keys(JSON.parse(answer))]).toEqual([status, ['error']]);
    expect(JSON.parse(answer).error).toMatch(says);
  });

  it('text that is no UTF-8 is refused, not changed', async () => {
    const bytes = Buffer.from(post([length()], body));
    bytes[bytes.indexOf('"s')! + 1] = 0xff;
    expect((await send(bytes))[0]).toBe(400);
  });

  it('whoever sends slowly, or waits to be told to, is answered, and keeps nobody waiting', async () => {
    const slow = open();
    slow.write(post([length()], body.slice(0, 100)));
    expect((await asked.post('mlp', baseRequest(''))).status).toBe(200);
    slow.write(body.slice(100));
    expect((await answerTo(slow))[0]).toBe(200);
    expect((await send(post(['expect: 100-continue', length()], body)))[0]).toBe(200);
  });

  it('a job of the longest id is told of, however often it is asked for at once', async () => {
    const id = 'a'.repeat(128);
    const ask = () =>
      fetch(`${asked.server.url}${target}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': id },
        body,
      });
    const answers = await Promise.all([ask(), ask(), ask()]);
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(texts).size).toBe(1);
    const status = await fetch(`${asked.server.url}/traces/${id}`);
    expect(await status.json()).toMatchObject({ id, status: 'completed' });
  });
});
