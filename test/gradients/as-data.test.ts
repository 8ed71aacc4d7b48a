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
  /** How many values stand before the options. */
  const counts: Readonly<Record<string, number>> = { trace: 2, session: 1, generate: 2 };
  return new Proxy(sent, {
    get(of, name) {
      const own = Reflect.get(of, name, of);
      const count = counts[String(name)];
      if (count === undefined) return own;
      return (...values: unknown[]) =>
        own.call(of, ...values.slice(0, count), { ...(values[count] as object), backend });
    },
  });
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
