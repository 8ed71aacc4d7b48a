import { createServer, type Server } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { answerToBytes, FRAME_TYPE, type NewToken, RemoteBackend, requestFromBytes, save, Tensor } from 'onnsight';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';

/** What a server makes of the tokens that it tells, and of those of its answer. */
interface Misbehaviour {
  readonly told?: (tokens: NewToken[]) => unknown[];
  readonly answer?: (rows: number[][]) => number[][];
}

const lm = await loadToy();
const prompts = ['The Eiffel Tower is in the city of', 'Senso-ji Temple is in the city of'];
let server: Server;
let backend: RemoteBackend;
let misbehaviour: Misbehaviour;

beforeAll(async () => {
  let answer: Uint8Array;
  server = createServer(async (request, response) => {
    if (request.method !== 'POST') {
      response.setHeader('content-type', FRAME_TYPE).end(answer);
      return;
    }
    const tokens: NewToken[] = [];
    const trace = requestFromBytes(await buffer(request));
    const tensors = await lm.execute(trace, { onToken: (token) => void tokens.push(token) });
    const { told = (all) => all, answer: altered = (rows) => rows } = misbehaviour;
    const at = trace.graph.saves.findIndex(({ name }) => name === 'sequences');
    const rows = altered(tensors[at]!.toArray() as number[][]);
    answer = answerToBytes(tensors.map((tensor, i) => (i === at ? (Tensor.from(rows, 'int64') as never) : tensor)));
    const events = told(tokens).map((token) => `event: token\ndata: ${JSON.stringify(token)}\n\n`);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`${events.join('')}event: end\ndata: {}\n\n`);
  }).listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  backend = new RemoteBackend(`http://localhost:${(server.address() as { port: number }).port}`);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function generated(how: Misbehaviour): Promise<string[]> {
  misbehaviour = how;
  const told = ['', ''];
  const block = () => {
    'use trace';
    return save(lm.lm_head.output['0, -1, 0']);
  };
  const onToken = ({ row, text }: { row: number; text: string }) => {
    told[row] += text;
  };
  const { texts } = await lm.generate(prompts, { maxNewTokens: 3, backend, onToken }, block);
  expect(texts).toEqual(told);
  return [...texts];
}

const changed = (change: Partial<NewToken>) => ({
  told: (tokens: NewToken[]) => tokens.map((token, i) => (i === 2 ? { ...token, ...change } : token)),
});

describe('the tokens that a server tells are those of its answer, in their order, or it is an error', () => {
  it('right ones', async () => {
    expect(await generated({})).toEqual((await lm.generate(prompts, { maxNewTokens: 3 })).texts);
  });

  it.each<[string, Misbehaviour, RegExp]>([
    ['a fraction', changed({ id: 1.5 }), /one of its events tells no token/],
    ['a negative one', changed({ id: -1 }), /one of its events tells no token/],
    ['another one', changed({ id: 7 }), /other tokens than were told/],
    [
      'one of a row that there is not',
      changed({ row: 7, step: 0 }),
      /the token 2 of row 0, of which 1|other tokens than/,
    ],
    ['of the other row', changed({ row: 1 }), /tells the token 1 of row 1, of which 2 were told|other tokens/],
    [
      'one twice',
      { told: ([first, ...rest]) => [first, first, ...rest] },
      /the token 0 of row 0, of which 1 were told/,
    ],
    ['one left out', { told: ([, ...rest]) => rest }, /the token 1 of row 0, of which 0 were told/],
    ['none', { told: () => [] }, /other tokens than were told/],
    ['of another generation', changed({ generation: 1 }), /tells a token of a generation 1/],
    ['another prompt', { answer: (rows) => rows.map(([first, ...rest]) => [first! + 1, ...rest]) }, /begin with the/],
    ['fewer rows', { answer: ([row]) => [row!] }, /begin with the prompt|the trace saves int64\[2/],
    ['too many', { answer: (rows) => rows.map((row) => [...row, 5, 5, 5]) }, /of row 0 are none that the model gives/],
    ['beyond the vocabulary', { answer: (rows) => rows.map((row) => row.with(-1, 999)) }, /are none that the model/],
    ['below it', { answer: (rows) => rows.map((row) => row.with(-1, -1)) }, /are none that the model gives/],
  ])('%s', async (_, how, says) => {
    await expect(generated(how)).rejects.toThrow(says);
    await expect(generated(how)).rejects.toThrow(/^http:\/\/localhost:\d+ gave a wrong answer/);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('mine'))],
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
  ])(
    'a callback that %s is what a generation there is rejected with, and the next one is right',
    async (_, onToken) => {
      misbehaviour = {};
      await expect(lm.generate(prompts, { maxNewTokens: 3, backend, onToken })).rejects.toThrow(/^mine$/);
      await generated({});
    },
  );
});
