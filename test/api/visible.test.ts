import { dirname } from 'node:path';
import { inspect } from 'node:util';
import {
  ExecutionBackend,
  intervention,
  LanguageModel,
  NoopBackend,
  Parameter,
  RemoteBackend,
  ReuseScope,
  save,
  Tensor,
  TraceError,
  type TraceRequest,
} from 'onnsight';
import { expect, it } from 'vitest';
import { methods } from '../../runtime/functions/methods.ts';
import { TOY } from '../support/fixtures.ts';

const lm = await LanguageModel.load(dirname(TOY), { device: 'cpu' });
const PROMPT = 'The Eiffel Tower is in the city of';

/** All names of a value, its own and those of its classes: what an editor, a debugger or a REPL offers. */
function namesOf(value: object): string[] {
  const names = new Set<string>();
  const ends = [Object, Function, Error].map(({ prototype }) => prototype as unknown);
  for (let at: object | null = value; at !== null && !ends.includes(at); at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  const ofFunctions = typeof value === 'function' ? ['length', 'name', 'prototype'] : [];
  return [...names].filter((name) => name !== 'constructor' && !ofFunctions.includes(name)).sort();
}

/** A member, asked for by code that was not compiled. */
const read = (value: unknown, name: string) => {
  'use no trace';
  return (value as Record<string, unknown>)[name];
};

/** What Node prints of a value, hidden properties and all. */
function printed(value: unknown): string {
  return inspect(value, { showHidden: true, depth: 3 });
}

const TRACER = ['all', 'apply', 'cache', 'invoke', 'iter', 'next', 'result', 'stop'];

it('a tracer', async () => {
  await lm.trace(PROMPT, (tracer) => {
    expect(namesOf(tracer)).toEqual(TRACER);
    expect(printed(tracer)).toBe('Tracer { [result]: [Getter] }');
  });
});

it('the tracer of a generation', async () => {
  await lm.generate(PROMPT, { maxNewTokens: 1 }, (tracer) => {
    expect(namesOf(tracer)).toEqual(TRACER);
    expect(printed(tracer)).toBe('StepTracer { [result]: [Getter] }');
  });
});

it('a session', async () => {
  await lm.session((session) => {
    expect(namesOf(session)).toEqual(['generate', 'stop', 'trace']);
    expect(printed(session)).toBe('Session {}');
  });
});

it('backends, and what they are given', async () => {
  const remote = new RemoteBackend('http://localhost', { token: 'secret' });
  expect(namesOf(remote.job())).toEqual(['cancel', 'id', 'run', 'status']);
  for (const backend of [remote, new NoopBackend(), new ExecutionBackend()]) {
    expect(namesOf(backend)).toEqual(backend === remote ? ['job', 'run'] : ['run']);
    expect(printed(backend)).toBe(`${backend.constructor.name} {}`);
  }
  let given: TraceRequest | null = null;
  const run = async (request: TraceRequest) => {
    given = request;
    return request.execute();
  };
  await lm.trace(PROMPT, () => save(lm.lm_head.output), { backend: { run } });
  expect(namesOf(given!)).toEqual([
    ...['course', 'execute', 'graph', 'inputs', 'model', 'onProgress', 'onStats', 'onToken', 'reuse', 'signal'],
  ]);
  expect(namesOf(given!.model)).toEqual(['hash', 'path']);
});

it('a scope of reuse', () => {
  const scope = new ReuseScope();
  expect(namesOf(scope)).toEqual([]);
  expect(printed(scope)).toBe('ReuseScope {}');
});

/** Its functions as methods, and what has its elements. */
const TENSOR = [
  ...Object.keys(methods).filter((name) => name !== 'reshape' && name !== 'to'),
  'T',
  'data',
  'dims',
  'dtype',
  'item',
  'mT',
  'ndim',
  'raw',
  'reshape',
  'shape',
  'to',
  'toArray',
  'toJSON',
  'toString',
].sort();

it('a tensor', () => {
  const tensor = Tensor.from([1.5, 2]);
  expect(tensor.data).toEqual(new Float32Array([1.5, 2]));
  expect(namesOf(tensor)).toEqual(TENSOR);
  expect(printed(tensor)).toBe(String(tensor));
});

it('a tensor of a block, and a saved one', async () => {
  const members = [
    ...Object.keys(methods),
    'T',
    'backward',
    'dtype',
    'grad',
    'mT',
    'ndim',
    'save',
    'shape',
    'toJSON',
    'toLocaleString',
    'toString',
  ];
  const hidden = ['value', 'type', 'builder', 'storage', 'plain', 'slot', 'result'];
  await lm.trace(PROMPT, () => {
    for (const one of [lm.lm_head.output, save(lm.lm_head.output)] as unknown as object[]) {
      // What it has itself it does not tell: its keys are not to be copied.
      expect(namesOf(Object.getPrototypeOf(one)).filter((name) => !members.includes(name))).toEqual([]);
      expect(hidden.filter((name) => name in one)).toEqual([]);
    }
  });
  for (const name of hidden) {
    const reading = lm.trace(PROMPT, () => read(save(lm.lm_head.output), name));
    await expect(reading).rejects.toThrow(`A traced tensor has no member '${name}'`);
  }
});

it('a parameter', async () => {
  const parameter = new Parameter(Array<number>(128).fill(0.5));
  const { inBlock } = await lm.trace(PROMPT, () => {
    lm.transformer.h[1].output[':, -1'] += parameter;
    lm.lm_head.output['0, -1'].sum().backward();
    return { inBlock: save(parameter.grad as never) };
  });
  expect(parameter.grad!.data).toEqual(inBlock.data);
  expect(namesOf(parameter)).toEqual([...TENSOR, 'grad', 'zeroGrad'].sort());
  expect(printed(parameter)).toBe(String(parameter));
});

it('a graph', async () => {
  const graph = await lm.graph(PROMPT, () => save(lm.lm_head.output));
  expect(namesOf(graph)).toEqual(
    ['add', 'addResult', 'operands', 'parameter', 'reserve', 'root', 'saves', 'structuralKey', 'toString'].sort(),
  );
});

it('an operation and a call of a module', async () => {
  const members = ['input', 'inputs', 'output', 'outputs', 'path', 'toString'];
  const operation = lm.transformer.h[0].attn.ops.Softmax;
  expect(namesOf(operation)).toEqual(members);
  expect(printed(operation)).toBe('transformer.h.0.attn.ops.Softmax');
  const [call] = lm.transformer.h[0].calls;
  expect(namesOf(call!)).toEqual([...members, 'skip'].sort());
  expect(printed(call)).toBe('transformer.h.0.calls[0]');
});

it('an intervention', () => {
  const made = intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
    model.transformer.h[0].output *= alpha;
  });
  expect(namesOf(made)).toEqual(['inside', 'parameters']);
  expect(inspect(made)).not.toMatch(/Symbol|block/);
});

it('an error', async () => {
  const error = await lm.trace(PROMPT, () => lm.nowhere.output).catch((thrown: unknown) => thrown as TraceError);
  expect(error).toBeInstanceOf(TraceError);
  expect(namesOf(error as TraceError).sort()).toEqual(['cause', 'code', 'message', 'name', 'site', 'stack']);
  expect(Object.getOwnPropertyNames(TraceError).sort()).toEqual(['length', 'name', 'prototype']);
});
