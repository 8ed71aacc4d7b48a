import { describe, expect, it } from 'vitest';
import { backward } from '../../runtime/gradients/backward.ts';
import { type Attributes, makeNode } from '../../runtime/onnx/make.ts';
import { type Case, floats, int32s, largestError, modelOf } from './differences.ts';

const CLOSE = 5e-4;
const [STEPS, BATCH, INPUTS, HIDDEN] = [3, 2, 2, 3];

type Kind = 'LSTM' | 'GRU' | 'RNN';
const GATES = { LSTM: 4, GRU: 3, RNN: 1 };

/** A layer with all its optional inputs that have a derivative, or with none of them. */
function layer(kind: Kind, attributes: Attributes, isWhole = true, count = 1): Case {
  const rows = GATES[kind] * HIDDEN;
  const [x, w, r] = [
    floats([STEPS, BATCH, INPUTS]),
    floats([count, rows, INPUTS], 2),
    floats([count, rows, HIDDEN], 3),
  ];
  const states = kind === 'LSTM' ? ['h', 'c'] : ['h'];
  const optional = {
    b: floats([count, 2 * rows], 4),
    ...Object.fromEntries(states.map((name, i) => [name, floats([count, BATCH, HIDDEN], 5 + i)])),
  };
  const inputs = isWhole ? { x, w, r, ...optional } : { x, w, r };
  const names = isWhole ? ['x', 'w', 'r', 'b', '', ...states] : ['x', 'w', 'r'];
  const outputs = kind === 'LSTM' ? ['y', 'yh', 'yc'] : ['y', 'yh'];
  return { inputs, nodes: [makeNode(kind, names, outputs, { hidden_size: { int: HIDDEN }, ...attributes })], outputs };
}

describe.each(['LSTM', 'GRU', 'RNN'] as const)('the derivative of %s', (kind) => {
  it.each(['forward', 'reverse', 'bidirectional'])('in the direction %s', async (direction) => {
    const count = direction === 'bidirectional' ? 2 : 1;
    const one = layer(kind, { direction: { string: direction } }, true, count);
    expect(await largestError(one)).toBeLessThan(CLOSE);
  });

  it('without biases and first states, and of its last state alone', async () => {
    expect(await largestError(layer(kind, {}, false))).toBeLessThan(CLOSE);
    expect(await largestError({ ...layer(kind, {}), outputs: ['yh'] })).toBeLessThan(CLOSE);
  });

  it('with clipped activations, the batch in front or lengths is refused', () => {
    const refused = (one: Case) => () => backward(modelOf(one, 'sizes'), { seeds: ['y'], wanted: ['x'] });
    expect(refused(layer(kind, { clip: { float: 1 } }))).toThrow('clipped');
    expect(refused(layer(kind, { layout: { int: 1 } }))).toThrow('batch in front');
    const { inputs, nodes, outputs } = layer(kind, {});
    const input = nodes[0]!.input.with(4, 'lengths');
    const ragged = [{ ...nodes[0]!, domain: '', input }];
    expect(refused({ inputs: { ...inputs, lengths: int32s([3, 2]) }, nodes: ragged, outputs })).toThrow('lengths');
  });
});

describe('the derivative of GRU', () => {
  it.each(['forward', 'bidirectional'])(
    'with the product before the reset gate, in the direction %s',
    async (direction) => {
      const attributes = { linear_before_reset: { int: 1 }, direction: { string: direction } };
      const count = direction === 'bidirectional' ? 2 : 1;
      expect(await largestError(layer('GRU', attributes, true, count))).toBeLessThan(CLOSE);
      expect(await largestError(layer('GRU', attributes, false, count))).toBeLessThan(CLOSE);
    },
  );
});

describe('the activation functions of a recurrent layer', () => {
  it('may be its own where they need no parameters', async () => {
    const one = layer('LSTM', { activations: { strings: ['Sigmoid', 'Softsign', 'Tanh'] } });
    expect(await largestError(one)).toBeLessThan(CLOSE);
    const two = layer(
      'RNN',
      { direction: { string: 'bidirectional' }, activations: { strings: ['Tanh', 'Sigmoid'] } },
      true,
      2,
    );
    expect(await largestError(two)).toBeLessThan(CLOSE);
  });

  it('are refused where they do', () => {
    const one = layer('RNN', { activations: { strings: ['LeakyRelu'] }, activation_alpha: { floats: [0.1] } });
    expect(() => backward(modelOf(one, 'sizes'), { seeds: ['y'], wanted: ['x'] })).toThrow('LeakyRelu');
  });
});
