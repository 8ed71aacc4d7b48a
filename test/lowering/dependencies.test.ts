import { beforeAll, describe, expect, it } from 'vitest';
import { CycleError, Dependencies } from '../../runtime/lowering/dependencies.ts';
import type { ForwardModel } from '../../runtime/lowering/forward.ts';
import { GraphMaker, locateIn, outputOf } from '../support/graphs.ts';
import { graphModel } from '../support/models.ts';

/** `a = relu(x)`, `b = a · w`, `c = b + a`, `y = relu(c)`; the module `m` is b and c, with a as its input. */
let model: ForwardModel;
const [A, B, C, Y] = [0, 1, 2, 3];

beforeAll(async () => {
  const onnx = graphModel(
    { x: ['n'] },
    [
      ['Relu', ['x'], 'a'],
      ['Mul', ['a', 'float_w'], 'b'],
      ['Add', ['b', 'a'], 'c'],
      ['Relu', ['c'], 'y'],
    ],
    { float_w: [2] },
  );
  const locate = locateIn({
    first: { nodes: [A], inputs: ['x'], outputs: ['a'] },
    mul: { nodes: [B], inputs: ['a'], outputs: ['b'] },
    m: { nodes: [B, C], inputs: ['a'], outputs: ['c'] },
    last: { nodes: [Y], inputs: ['c'], outputs: ['y'] },
  });
  model = { model: onnx, locate };
});

const of = (make: GraphMaker, ...models: readonly ForwardModel[]) =>
  new Dependencies(make.graph, models.length > 0 ? models : [model]);

describe('what a vertex needs', () => {
  it('is what makes the tensors that a node of the model reads, not inputs and weights', () => {
    const dependencies = of(new GraphMaker());
    expect([A, B, C, Y].map((node) => dependencies.needs(node))).toEqual([[], [A], [B, A], [C]]);
  });

  it('is the node that makes the tensor of a read, and the nodes that make the inputs of an operation', () => {
    const make = new GraphMaker();
    const [read, operand] = [make.read('mul'), make.operand()];
    const sum = make.op('add', read, operand);
    const dependencies = of(make);
    expect(dependencies.needs(read)).toEqual([B]);
    expect(dependencies.needs(operand)).toEqual([]);
    expect(dependencies.needs(sum)).toEqual([read, operand]);
  });

  it('is the written value instead of the tensor that it replaces', () => {
    const make = new GraphMaker();
    const value = make.op('exp', make.operand());
    make.write('mul', value);
    expect(of(make).needs(C)).toEqual([value, A]);
  });

  it('is the value written to the input of a module for the nodes of the module alone', () => {
    const make = new GraphMaker();
    const value = make.op('exp', make.operand());
    make.write('mul', value, { port: 'input' });
    const dependencies = of(make);
    expect(dependencies.needs(B)).toEqual([value]);
    expect(dependencies.needs(C)).toEqual([B, A]);
  });

  it('is, for the call of a module, its inputs, and what the module reads from elsewhere', () => {
    const make = new GraphMaker();
    const value = make.operand();
    // Of last, only its own input enters; of a module without inputs given, all that it reads.
    const [called, whole] = [make.call('last', value), make.call('m')];
    const dependencies = of(make);
    expect(dependencies.needs(called)).toEqual([value]);
    expect(new Set(dependencies.needs(whole))).toEqual(new Set([A]));
  });

  it('is, for the call of a module, what was written to a tensor that the module reads from elsewhere', () => {
    const make = new GraphMaker();
    const value = make.operand();
    make.write('first', value);
    expect(new Set(of(make).needs(make.call('m')))).toEqual(new Set([value]));
  });

  it('is nothing for a tensor that is provided', () => {
    const dependencies = of(new GraphMaker(), { ...model, provided: new Set(['a']) });
    expect(dependencies.needs(C)).toEqual([B]);
  });

  it('counts the nodes of a second forward on from those of the first', () => {
    const make = new GraphMaker(1);
    const read = make.read('m');
    const dependencies = of(make, model, model);
    expect(dependencies.needs(read)).toEqual([4 + C]);
    expect(dependencies.needs(4 + C)).toEqual([4 + B, 4 + A]);
    expect([A, Y, 4 + A, 4 + Y].map((node) => dependencies.forwardOfModelNode(node))).toEqual([0, 0, 1, 1]);
  });
});

describe('the order', () => {
  it('has all that values need, each after what it needs, and nothing else', () => {
    const make = new GraphMaker();
    const read = make.read('mul');
    const doubled = make.op('add', read, read);
    make.write('m', doubled);
    make.op('exp', make.read('last'));
    expect(of(make).order([outputOf(doubled)])).toEqual([A, B, read, doubled]);
  });

  it('is an error at the write where a value goes back to what it depends on', () => {
    const make = new GraphMaker();
    const read = make.read('last', { site: { file: 'block.ts', line: 3, column: 5 } });
    make.write('first', read, { site: { file: 'block.ts', line: 4, column: 5 } });
    const order = () => of(make).order([outputOf(read)]);
    expect(order).toThrow(CycleError);
    expect(order).toThrow(/first\.output is set to a value that depends on last\.output/);
    try {
      order();
    } catch (error) {
      expect((error as CycleError).nodes).toEqual([read]);
      expect((error as CycleError).message).toContain('block.ts:4:5');
    }
  });
});

describe('writes', () => {
  it('that nothing depends on are an error, those that may be without effect are not', () => {
    const make = new GraphMaker();
    const read = make.read('first');
    make.write('last', make.operand(), { lenient: true });
    const lenient = of(make);
    expect(() => lenient.checkWrites(new Set(lenient.order([outputOf(read)])))).not.toThrow();
    make.write('last', make.operand());
    const strict = of(make);
    const used = new Set(strict.order([outputOf(read)]));
    expect(() => strict.checkWrites(used)).toThrow(/last\.output is set, but nothing that is saved/);
  });

  it('that something depends on are fine', () => {
    const make = new GraphMaker();
    make.write('m', make.operand());
    const read = make.read('last');
    const dependencies = of(make);
    expect(() => dependencies.checkWrites(new Set(dependencies.order([outputOf(read)])))).not.toThrow();
  });
});
