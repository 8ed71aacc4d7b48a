import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type BackwardRequest, backward, gradientName, seedName } from '../../runtime/gradients/backward.ts';
import { GradientError } from '../../runtime/gradients/error.ts';
import { endsPath } from '../../runtime/gradients/rules/ends.ts';
import { ruleFor } from '../../runtime/gradients/rules/index.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { ModelProto, NodeProto } from '../../runtime/onnx/proto.ts';
import { feed, session } from './harness.ts';
import { floats } from './values.ts';

/** A model of vectors of two elements. */
function model(nodes: readonly NodeProto[], inputs: readonly string[], output: string, opset = 17): ModelProto {
  const declared = inputs.map((name) => makeValueInfo(name, 'float32', [2]));
  const weights = [makeTensor('w', 'float32', [3, 4], [2])];
  return makeModel(makeGraph('graph', nodes, declared, [makeValueInfo(output, 'float32')], weights), opset);
}

/** y = exp(x) · w + exp(x)², z = 2x beside it. */
const BRANCHES = model(
  [
    makeNode('Exp', ['x'], ['e']),
    makeNode('Mul', ['e', 'w'], ['a']),
    makeNode('Mul', ['e', 'e'], ['b']),
    makeNode('Add', ['a', 'b'], ['y']),
    makeNode('Add', ['x', 'x'], ['z']),
  ],
  ['x'],
  'y',
);

async function gradients(
  forward: ModelProto,
  request: BackwardRequest,
  feeds: Readonly<Record<string, readonly number[]>>,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const made = backward(forward, request);
  const names = [...made.inputs, ...made.seeds.map(seedName)];
  expect(names.toSorted()).toEqual(Object.keys(feeds).toSorted());
  const back = await session(made.model);
  const results = await back.run(
    Object.fromEntries(names.map((name) => [name, feed(floats(feeds[name]!), 'float32')])),
  );
  await back.release();
  return Object.fromEntries(
    made.outputs.map((name) => [
      name,
      Array.from(results[gradientName(name, made.order)]!.data as Float32Array, Math.fround),
    ]),
  );
}

const near = (...values: number[]) => values.map((value) => expect.closeTo(value, 4));
const [E0, E1] = [1, Math.E];

test('what several nodes read has the sum of their gradients', async () => {
  const found = await gradients(BRANCHES, { seeds: ['y'], wanted: ['x'] }, { x: [0, 1], [seedName('y')]: [1, 10] });
  expect(found).toEqual({ x: near(E0 * (3 + 2 * E0), 10 * E1 * (4 + 2 * E1)) });
});

test('gradients of inner tensors, weights and the seed itself', async () => {
  const found = await gradients(
    BRANCHES,
    { seeds: ['y'], wanted: ['e', 'w', 'y', 'a'] },
    { x: [0, 1], [seedName('y')]: [1, 10] },
  );
  expect(found).toEqual({ e: near(3 + 2, 10 * (4 + 2 * E1)), w: near(1, 10 * E1), y: [1, 10], a: [1, 10] });
});

test('a seed inside adds to what flows there', async () => {
  const found = await gradients(
    BRANCHES,
    { seeds: ['y', 'a'], wanted: ['e'] },
    { x: [0, 1], [seedName('y')]: [1, 1], [seedName('a')]: [1, 1] },
  );
  expect(found).toEqual({ e: near(2 * 3 + 2, 2 * 4 + 2 * E1) });
});

test('a replaced seed takes the place of what flows there', async () => {
  const replaced = new Set(['e']);
  const found = await gradients(
    BRANCHES,
    { seeds: ['y', 'e'], wanted: ['x', 'w', 'e'], replaced },
    { x: [0, 1], [seedName('y')]: [1, 1], [seedName('e')]: [5, 6] },
  );
  expect(found).toEqual({ x: near(5, 6 * E1), w: near(1, E1), e: [5, 6] });
});

test('what is given is not computed again', async () => {
  const request = { seeds: ['y'], wanted: ['x'], given: new Set(['e', 'w']) };
  const found = await gradients(BRANCHES, request, { e: [2, 3], w: [1, 1], [seedName('y')]: [1, 1] });
  expect(found).toEqual({ x: [2 * (1 + 4), 3 * (1 + 6)] });
  expect(backward(BRANCHES, request).model.graph!.node.map(({ opType }) => opType)).not.toContain('Exp');
});

test('what the loss does not depend on has no gradient, and what does not matter is left out', async () => {
  const found = await gradients(
    BRANCHES,
    { seeds: ['y', 'z'], wanted: ['w', 'z'] },
    {
      x: [0, 1],
      [seedName('y')]: [1, 1],
      [seedName('z')]: [7, 8],
    },
  );
  expect(found).toEqual({ w: near(1, E1), z: [7, 8] });
  expect(backward(BRANCHES, { seeds: ['z'], wanted: ['w', 'e'] })).toMatchObject({
    outputs: [],
    seeds: [],
    inputs: [],
  });
});

test.each(['Floor', 'Sign', 'Round', 'Ceil'])('%s ends the path', (op) => {
  const steps = model([makeNode(op, ['x'], ['s']), makeNode('Mul', ['s', 'w'], ['y'])], ['x'], 'y');
  expect(backward(steps, { seeds: ['y'], wanted: ['x'] }).outputs).toEqual([]);
});

test('a cast to whole numbers ends the path', () => {
  const nodes = [
    makeNode('Cast', ['x'], ['i'], { to: { int: 7 } }),
    makeNode('Cast', ['i'], ['f'], { to: { int: 1 } }),
    makeNode('Mul', ['f', 'w'], ['y']),
  ];
  expect(backward(model(nodes, ['x'], 'y'), { seeds: ['y'], wanted: ['x'] }).outputs).toEqual([]);
});

const DRAW = model([makeNode('RandomNormalLike', ['x'], ['r']), makeNode('Mul', ['x', 'r'], ['y'])], ['x'], 'y');

test('random numbers are not drawn again', async () => {
  expect(() => backward(DRAW, { seeds: ['y'], wanted: ['x'] })).toThrow(GradientError);
  const request = { seeds: ['y'], wanted: ['x'], given: new Set(['r']) };
  expect(await gradients(DRAW, request, { r: [2, 3], [seedName('y')]: [1, 1] })).toEqual({ x: [2, 3] });
});

test.each([
  ['Det', makeNode('Det', ['x'], ['y']), 'the operator Det has no derivative here'],
  [
    'a function',
    { ...makeNode('Own', ['x'], ['y']), domain: 'custom' },
    'the operator custom.Own has no derivative here',
  ],
  ['training', makeNode('Dropout', ['x', '', 't'], ['y']), 'training'],
  ['Scatter', makeNode('ScatterElements', ['x', 'i', 'x'], ['y'], { reduction: { string: 'mul' } }), "'mul'"],
])('%s is refused', (_name, node, message) => {
  const forward = model([node], ['x', 't', 'i'], 'y');
  expect(() => backward(forward, { seeds: ['y'], wanted: ['x'] })).toThrow(GradientError);
  expect(() => backward(forward, { seeds: ['y'], wanted: ['x'] })).toThrow(message);
});

test.each([
  [13, 17],
  [17, 17],
  [21, 21],
])('a model of operator set %i has a derivative of set %i', (given, made) => {
  const forward = model([makeNode('Exp', ['x'], ['y'])], ['x'], 'y', given);
  const { opsetImport } = backward(forward, { seeds: ['y'], wanted: ['x'] }).model;
  expect(opsetImport.find(({ domain }) => domain === '')?.version).toBe(BigInt(made));
});

test('a gradient of a gradient', async () => {
  // y = x³, from that 3x² by the first pass and 6x by the second.
  const cube = model([makeNode('Mul', ['x', 'x'], ['s']), makeNode('Mul', ['s', 'x'], ['y'])], ['x'], 'y');
  const first = backward(cube, { seeds: ['y'], wanted: ['x'] });
  const found = await gradients(
    first.model,
    { seeds: [gradientName('x')], wanted: ['x'] },
    { x: [2, 3], [seedName('y')]: [1, 1], [seedName(gradientName('x'))]: [1, 1] },
  );
  expect(found).toEqual({ x: near(12, 18) });
});

/** The operators that interventions are lowered to: every name of one that stands in the source. */
function loweredOperators(): readonly string[] {
  const folder = new URL('../../runtime/lowering/', import.meta.url);
  const files = readdirSync(folder, { recursive: true }).filter((file) => String(file).endsWith('.ts'));
  const text = files.map((file) => readFileSync(new URL(String(file), folder), 'utf8')).join('\n');
  return [...new Set([...text.matchAll(/'([A-Z][A-Za-z0-9]*)'/g)].map(([, name]) => name!))].sort();
}

test('every operator that interventions are lowered to has a derivative or ends the path', () => {
  const names = loweredOperators();
  expect(names.length).toBeGreaterThan(60);
  // Those with subgraphs go another way.
  for (const name of names.filter((one) => one !== 'If' && one !== 'Loop')) {
    const node = makeNode(name, ['x'], ['y']);
    expect(endsPath(node) || ruleFor(node), name).toBeTruthy();
  }
});
