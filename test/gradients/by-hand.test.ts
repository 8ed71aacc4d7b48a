import { type Backend, requestFromJson, save } from 'onnsight';
import { beforeAll, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { expectGradient, fixture } from './pytorch.ts';

/* Requests as a user of another language writes them, as docs/serve.md says: without lists and attributes that are empty. */
const { ids, tokens, cases } = fixture('toy');
let lm: Awaited<ReturnType<typeof loadToy>>;
let hash: string;
beforeAll(async () => {
  lm = await loadToy();
  // A server tells the hashes of its models.
  const asked: Backend = {
    run(request) {
      hash = request.model.hash;
      return request.execute();
    },
  };
  await lm.trace([ids.clean], () => save(lm.lm_head.output['0, -1, 0']), { backend: asked });
});

const float = (id: number) => ({ id, dtype: 'float32', shape: null });
const whole = (id: number) => ({ id, dtype: 'int64', shape: [] });
const read = (id: number, path: string) => ({
  op: 'read',
  attributes: { path, port: 'output', index: 0, call: 0 },
  outputs: [float(id)],
});
const operand = (id: number) => ({ op: 'operand', attributes: { dtype: 'int64' }, outputs: [whole(id)] });
const element = { items: [{ kind: 'int' }, { kind: 'int' }, { kind: 'int' }] };

/** logit(answer) - logit(wrong) at the last position, and gradients by two layers. */
function request() {
  return {
    format: 'onnsight-request',
    version: 1,
    model: hash,
    inputs: { input_ids: { dtype: 'int64', dims: [1, ids.clean.length], data: ids.clean } },
    graph: {
      format: 'onnsight-graph',
      version: 1,
      root: {
        nodes: [
          ...[0, 1, 2, 3].map(operand),
          read(4, 'lm_head'),
          { op: 'getitem', inputs: [4, 0, 1, 2], attributes: element, outputs: [float(5)] },
          { op: 'getitem', inputs: [4, 0, 1, 3], attributes: element, outputs: [float(6)] },
          { op: 'sub', inputs: [5, 6], outputs: [float(7)] },
          read(8, 'transformer.h.1'),
          read(9, 'transformer.h.3'),
          { op: 'backward', inputs: [7], outputs: [float(10)] },
          { op: 'grad', inputs: [10, 8], outputs: [float(11)] },
          { op: 'grad', inputs: [10, 9], outputs: [float(12)] },
        ] as Record<string, unknown>[],
      },
      saves: [
        { name: 'h1', value: 11 },
        { name: 'h3', value: 12 },
      ],
      operands: [0, -1, tokens.answer, tokens.wrong].map((one, value) => ({ value, dims: [], data: [one] })),
    },
  };
}

it('a gradient of a request written by hand is that of PyTorch', async () => {
  const found = await lm.execute(requestFromJson(request()));
  expectGradient(found[0]!, cases.layers.grads.h1, 'h1');
  expectGradient(found[1]!, cases.layers.grads.h3, 'h3');
});

it.each<[string, (bad: ReturnType<typeof request>) => void, RegExp]>([
  [
    'a pass that is saved',
    ({ graph }) => graph.saves.push({ name: 'pass', value: 10 }),
    /saves\[2\]: a backward pass is no/,
  ],
  [
    'a gradient without its pass',
    ({ graph }) => (graph.root.nodes[11]!.inputs = [8, 10]),
    /\(grad\): its first input is not a/,
  ],
  [
    'a loss of tokens',
    ({ graph }) => (graph.root.nodes[10]!.inputs = [0]),
    /floating-point tensors of one dtype, not int64$/,
  ],
  [
    'too few tokens',
    ({ inputs }) => (inputs.input_ids.dims = [1, 99]),
    /inputs\.input_ids: dims \[1, 99\] need 99 elements, found 15/,
  ],
  ['half a token', ({ inputs }) => (inputs.input_ids.data = [0.5, ...ids.clean.slice(1)]), /data: 0\.5 is no int64/],
  [
    'data that is none',
    ({ inputs }) => Object.assign(inputs.input_ids, { data: 5 }),
    /elements in a list, or their bytes in base64/,
  ],
  [
    'no graph',
    (bad) => Reflect.deleteProperty(bad, 'graph'),
    /expected the graph, an object of the format onnsight-graph/,
  ],
])('%s is refused in words', async (_, spoil, words) => {
  const bad = request();
  spoil(bad);
  expect(() => requestFromJson(bad)).toThrow(words);
});

it('a module that is not there is told without a line of the server', async () => {
  const bad = request();
  Object.assign(bad.graph.root.nodes[4]!, read(4, 'lm_had'));
  await expect(lm.execute(requestFromJson(bad))).rejects.toThrow(/^root\.nodes\[4\] \(read\): no module lm_had/);
});

it('a request for another model names both hashes', async () => {
  const bad = { ...request(), model: 'other' };
  await expect(lm.execute(requestFromJson(bad))).rejects.toThrow(
    /made for another model, whose hash is 'other'; that of this one is [0-9a-f]{64}/,
  );
});
