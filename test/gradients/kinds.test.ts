import { describe, expect, it } from 'vitest';
import { type BackwardRequest, backward } from '../../runtime/gradients/backward.ts';
import { DerivativeKinds } from '../../runtime/gradients/kinds.ts';
import { fromResiduals } from '../../runtime/gradients/residuals.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type ModelProto } from '../../runtime/onnx/proto.ts';

const WIDTH = 3;
const SEQUENCE = ['size 0', 'size 1', WIDTH];

/** A layer whose tensors, nodes and weights are called by a prefix. */
function layer(at: string, exponent = 2, width = WIDTH, opset = 17): ModelProto {
  const names = (...own: string[]) => own.map((name) => `${at}/${name}`);
  const named = (op: string, inputs: string[], output: string) =>
    makeNode(op, names(...inputs), names(output), {}, `${at}/${op} of ${output}`);
  const nodes = [
    named('MatMul', ['in', 'weight'], 'product'),
    named('Add', ['product', 'bias'], 'sum'),
    named('Pow', ['sum', 'exponent'], 'power'),
    named('Shape', ['power'], 'shape'),
    named('Reshape', ['power', 'shape'], 'same'),
    named('Softmax', ['same'], 'patterns'),
    named('Add', ['patterns', 'in'], 'out'),
  ];
  const ones = (count: number) => Array.from({ length: count }, (_, i) => i + at.length);
  const graph = makeGraph(
    'layer',
    nodes,
    [makeValueInfo(`${at}/in`, 'float32')],
    [makeValueInfo(`${at}/out`, 'float32')],
    [
      makeTensor(`${at}/weight`, 'float32', ones(WIDTH * width), [WIDTH, width]),
      makeTensor(`${at}/bias`, 'float32', Array(width).fill(1), [width]),
      makeTensor(`${at}/exponent`, 'float32', [exponent], []),
    ],
  );
  return makeModel(graph, opset);
}

function asked(at: string, changes: Partial<BackwardRequest> = {}): BackwardRequest {
  return { seeds: [`${at}/out`], wanted: [`${at}/in`], dims: new Map([[`${at}/in`, SEQUENCE]]), ...changes };
}

const bytes = (model: ModelProto) => Buffer.from(encodeModel(model)).toString('latin1');

function expectSame(kinds: DerivativeKinds, model: ModelProto, request: BackwardRequest): void {
  const [made, expected] = [kinds.of(model, request), backward(model, request)];
  expect({ ...made, model: bytes(made.model) }).toEqual({ ...expected, model: bytes(expected.model) });
}

describe('the derivative of a model that is like another one', () => {
  it('is what would have been written for it', () => {
    const kinds = new DerivativeKinds();
    for (const at of ['h.0', 'h.1', 'h.10']) expectSame(kinds, layer(at), asked(at));
    for (const at of ['h.1', 'h.2']) {
      expectSame(kinds, layer(at), asked(at, { wanted: [`${at}/sum`, `${at}/weight`, `${at}/in`] }));
      expectSame(kinds, layer(at), asked(at, { replaced: new Set([`${at}/out`]) }));
      expectSame(kinds, layer(at), asked(at, { given: new Set([`${at}/sum`, `${at}/patterns`]) }));
    }
  });

  it('is not taken of one that differs in more than names', () => {
    const kinds = new DerivativeKinds();
    const known = layer('a');
    expectSame(kinds, known, asked('a'));
    expectSame(kinds, layer('b', 3), asked('b'));
    expectSame(kinds, layer('c', 2, 1), asked('c'));
    expectSame(kinds, layer('d', 2, WIDTH, 18), asked('d'));
    expectSame(kinds, layer('e'), asked('e', { dims: new Map([['e/in', ['size 0', 'size 0', WIDTH]]]) }));
    expectSame(kinds, layer('f'), asked('f', { dims: new Map() }));
    expectSame(kinds, layer('g'), asked('g', { seeds: ['g/out', 'g/sum'] }));
    expectSame(kinds, layer('h'), asked('h', { seeds: ['h/out'], wanted: ['h/sum', 'h/in'] }));
  });

  it('goes through the derivative of a derivative, too', () => {
    const kinds = new DerivativeKinds();
    for (const at of ['a', 'b']) {
      const first = kinds.of(layer(at), asked(at));
      const [gradient] = first.model.graph!.output;
      expectSame(kinds, first.model, { seeds: [gradient!.name], wanted: [`${at}/in`] });
    }
  });

  it('keeps the same where runs keep what takes long to compute', () => {
    const kinds = new DerivativeKinds();
    for (const at of ['a', 'b']) {
      const made = fromResiduals(layer(at), asked(at), (model, request) => kinds.of(model, request));
      const expected = fromResiduals(layer(at), asked(at), backward);
      expect(made.residuals).toEqual(expected.residuals);
      expect(bytes(made.derivative.model)).toBe(bytes(expected.derivative.model));
    }
  });
});
