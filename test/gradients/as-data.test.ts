import { requestFromBytes, requestFromJson, requestToBytes, requestToJson, type TraceRequest } from 'onnsight';
import { describe, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { blocks, sessions, trainings } from './blocks.ts';
import { expectCase } from './expected-case.ts';

const lm = await loadToy();
const kinds = {
  json: (request: TraceRequest) => requestFromJson(JSON.parse(JSON.stringify(requestToJson(request)))),
  bytes: (request: TraceRequest) => requestFromBytes(requestToBytes(request)),
};

/** The toy model, whose traces, sessions and generations are sent away as data. */
async function remote(kind: keyof typeof kinds) {
  const sent = await loadToy();
  const backend = { run: (request: TraceRequest) => lm.execute(kinds[kind](request)) };
  for (const name of ['trace', 'session', 'generate'] as const) {
    const own = sent[name].bind(sent) as (...values: unknown[]) => unknown;
    const count = name === 'session' ? 1 : 2;
    const sending = (...values: unknown[]) => own(...values.slice(0, count), { ...(values[count] as object), backend });
    Object.defineProperty(sent, name, { value: sending });
  }
  return sent;
}

describe.each(['bytes', 'json'] as const)(
  'gradients of traces that are sent away agree with PyTorch: %s',
  async (kind) => {
    const sent = await remote(kind);
    it.each(Object.entries({ ...blocks, ...trainings, ...(kind === 'bytes' && sessions) }))(
      '%s',
      async (name, block) => {
        expectCase(name, await block(sent));
      },
    );
  },
);
