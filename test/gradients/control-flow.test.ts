import { describe, expect, it } from 'vitest';
import { backward, gradientName } from '../../runtime/gradients/backward.ts';
import { makeGraph, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { GraphProto, NodeProto, ValueInfoProto } from '../../runtime/onnx/proto.ts';
import { type Case, doubles, integers, largestError, modelOf, truth } from './differences.ts';

const EXACT = 1e-7;

/** A body: its inputs and outputs by their names, or as they are declared. */
function body(
  inputs: readonly (string | ValueInfoProto)[],
  nodes: readonly NodeProto[],
  outputs: readonly (string | ValueInfoProto)[],
): GraphProto {
  const declared = (values: readonly (string | ValueInfoProto)[]) =>
    values.map((value) => (typeof value === 'string' ? makeValueInfo(value) : value));
  return makeGraph('body', nodes, declared(inputs), declared(outputs));
}

/** The body of a Loop. ONNX Runtime wants to have its counter and condition declared. */
function loopBody(...[inputs, nodes, outputs]: Parameters<typeof body>): GraphProto {
  const [counter, condition, ...states] = inputs as readonly [string, string, ...string[]];
  const declared = [makeValueInfo(counter, 'int64', []), makeValueInfo(condition, 'bool', [])];
  return body([...declared, ...states], nodes, outputs);
}

/** A list of numbers of any length. */
function list(name: string): ValueInfoProto {
  return makeValueInfo(name, 'float64', [null]);
}

function branch(nodes: readonly NodeProto[], outputs: readonly string[]): GraphProto {
  return body([], nodes, outputs);
}

const n = makeNode;
const same = (from: string, to: string) => n('Identity', [from], [to]);

describe('the derivative of an If', () => {
  const choice = (isTaken: boolean): Case => ({
    inputs: { c: truth(isTaken), x: doubles([2, 3]), y: doubles([2, 3], 2), z: doubles([3], 3) },
    nodes: [
      n('If', ['c'], ['r', 's'], {
        then_branch: {
          graph: branch(
            [n('Mul', ['x', 'y'], ['t0']), n('Sin', ['t0'], ['t1']), n('Exp', ['x'], ['t2'])],
            ['t1', 't2'],
          ),
        },
        else_branch: {
          graph: branch([n('Mul', ['x', 'z'], ['e0']), n('Tanh', ['e0'], ['e1']), same('x', 'e2')], ['e1', 'e2']),
        },
      }),
      n('Mul', ['r', 's'], ['o']),
    ],
    outputs: ['o', 'r'],
  });

  it.each([true, false])(
    'goes back through the branch that ran (%s), with zeros where it captures nothing',
    async (taken) => {
      expect(await largestError(choice(taken))).toBeLessThan(EXACT);
    },
  );

  it('goes through one inside of another', async () => {
    const inner = n('If', ['d'], ['i'], {
      then_branch: { graph: branch([n('Mul', ['p', 'y'], ['it'])], ['it']) },
      else_branch: { graph: branch([n('Cos', ['p'], ['ie'])], ['ie']) },
    });
    for (const [c, d] of [
      [true, true],
      [true, false],
      [false, false],
    ] as const) {
      const error = await largestError({
        inputs: { c: truth(c), d: truth(d), x: doubles([4]), y: doubles([4], 2) },
        nodes: [
          n('If', ['c'], ['o'], {
            then_branch: { graph: branch([n('Exp', ['x'], ['p']), inner], ['i']) },
            else_branch: { graph: branch([n('Sin', ['y'], ['q'])], ['q']) },
          }),
        ],
        outputs: ['o'],
      });
      expect(error).toBeLessThan(EXACT);
    }
  });

  it('is the same whichever branch stands first in the file', async () => {
    const [node, ...others] = choice(true).nodes;
    const turned = { ...node!, domain: '', attribute: node!.attribute.toReversed() };
    expect(await largestError({ ...choice(true), nodes: [turned, ...others] })).toBeLessThan(EXACT);
  });
});

describe('the derivative of a Loop', () => {
  /** h becomes tanh(h · w + x), and h · h is collected. */
  const recurrence = (trips: Case['inputs'][string] | null, condition: boolean | null): Case => ({
    inputs: {
      ...(trips && { trips }),
      ...(condition !== null && { c: truth(condition) }),
      h: doubles([2, 2]),
      w: doubles([2, 2], 2),
      x: doubles([2], 3),
    },
    nodes: [
      n('Loop', [trips ? 'trips' : '', condition === null ? '' : 'c', 'h'], ['end', 'all'], {
        body: {
          graph: loopBody(
            ['i', 'go', 'a'],
            [
              same('go', 'on'),
              n('Mul', ['a', 'w'], ['m']),
              n('Add', ['m', 'x'], ['s']),
              n('Tanh', ['s'], ['b']),
              n('Mul', ['a', 'a'], ['q']),
            ],
            ['on', 'b', makeValueInfo('q', 'float64', [null, null])],
          ),
        },
      }),
      n('Exp', ['end'], ['o']),
    ],
    outputs: ['o', 'all'],
  });

  it.each([1, 5])('goes back through %i iterations', async (trips) => {
    expect(await largestError(recurrence(integers([trips], []), null))).toBeLessThan(EXACT);
    expect(await largestError(recurrence(integers([trips], []), true))).toBeLessThan(EXACT);
  });

  it('hands the gradient on where no iteration runs', async () => {
    const { nodes, inputs } = recurrence(integers([0], []), null);
    expect(await largestError({ nodes, inputs, outputs: ['o'] })).toBeLessThan(EXACT);
    const stopped = recurrence(integers([4], []), false);
    expect(await largestError({ ...stopped, outputs: ['o'] })).toBeLessThan(EXACT);
  });

  it('stops where the condition did, with and without a trip count', async () => {
    const grow = loopBody(
      ['i', 'go', 'a', 'k'],
      [
        n('Mul', ['a', 'w'], ['b']),
        n('ReduceSum', ['b'], ['sum'], { keepdims: { int: 0 } }),
        n('Less', ['sum', 'limit'], ['on']),
        n('Add', ['k', 'k'], ['l']),
      ],
      ['on', 'b', 'l', 'a'],
    );
    for (const trips of ['', 'trips']) {
      const error = await largestError({
        inputs: {
          ...(trips && { trips: integers([20]) }),
          c: truth(true),
          x: doubles([3], 7),
          w: doubles([1], 4),
          k: integers([1]),
          limit: doubles([], 5),
        },
        nodes: [
          n('Abs', ['x'], ['x0']),
          n('Abs', ['w'], ['w0']),
          n('Exp', ['w0'], ['w1']),
          n('Exp', ['limit'], ['l0']),
          n('Add', ['l0', 'l0'], ['l1']),
          n('Loop', [trips, 'c', 'x0', 'k'], ['y', 'n', 'all'], { body: { graph: rename(grow) } }),
        ],
        outputs: ['y', 'all'],
        wanted: ['x', 'w'],
      });
      expect(error).toBeLessThan(EXACT);
    }
    function rename(graph: GraphProto): GraphProto {
      const node = graph.node.map((one) => ({
        ...one,
        domain: '',
        input: one.input.map((name) => ({ w: 'w1', limit: 'l1' })[name] ?? name),
      }));
      return { ...graph, node };
    }
  });

  it('follows states that change their shape, and those that are no floats', async () => {
    const error = await largestError({
      inputs: { trips: integers([3], []), x: doubles([2]), k: integers([2]), w: doubles([1], 3) },
      nodes: [
        n('Loop', ['trips', '', 'x', 'k'], ['y', 'n'], {
          body: {
            graph: loopBody(
              ['i', 'go', 'a', 'j'],
              [
                same('go', 'on'),
                n('Cast', ['j'], ['f'], { to: { int: 11 } }),
                n('Mul', ['a', 'f'], ['b0']),
                n('Mul', ['b0', 'w'], ['b1']),
                n('Concat', ['b1', 'a'], ['b'], { axis: { int: 0 } }),
                n('Add', ['j', 'i'], ['j1']),
              ],
              ['on', 'b', 'j1'],
            ),
          },
        }),
      ],
      outputs: ['y'],
    });
    expect(error).toBeLessThan(EXACT);
  });

  it('goes through loops and choices inside', async () => {
    const inner = n('Loop', ['two', '', 'a'], ['b'], {
      body: {
        graph: loopBody(
          ['ii', 'igo', 'ia'],
          [same('igo', 'ion'), n('Mul', ['ia', 'w'], ['im']), n('Sin', ['im'], ['ib'])],
          ['ion', 'ib'],
        ),
      },
    });
    const choice = n('If', ['odd'], ['d'], {
      then_branch: { graph: branch([n('Mul', ['b', 'x'], ['t'])], ['t']) },
      else_branch: { graph: branch([n('Exp', ['b'], ['e'])], ['e']) },
    });
    const error = await largestError({
      inputs: {
        trips: integers([3], []),
        two: integers([2], []),
        x: doubles([2, 2]),
        w: doubles([2], 2),
        h: doubles([2, 2], 4),
      },
      nodes: [
        n('Loop', ['trips', '', 'h'], ['y', 'all'], {
          body: {
            graph: loopBody(
              ['i', 'go', 'a'],
              [
                same('go', 'on'),
                inner,
                n('Mod', ['i', 'two'], ['rest']),
                n('Cast', ['rest'], ['odd'], { to: { int: 9 } }),
                choice,
                n('Sub', ['d', 'b'], ['gap']),
              ],
              ['on', 'd', 'gap'],
            ),
          },
        }),
      ],
      outputs: ['y', 'all'],
    });
    expect(error).toBeLessThan(EXACT);
  });

  it('takes states that change places, one tensor twice, and a captured tensor as a result', async () => {
    const error = await largestError({
      inputs: { trips: integers([3], []), x: doubles([2]), w: doubles([2], 3) },
      nodes: [
        n('Loop', ['trips', '', 'x', 'x', 'w'], ['p', 'q', 'r', 'all'], {
          body: {
            graph: loopBody(
              ['i', 'go', 'a', 'b', 'c'],
              [same('go', 'on'), n('Mul', ['a', 'c'], ['d']), n('Cos', ['b'], ['e']), same('w', 'v')],
              ['on', 'b', 'd', 'v', 'e'],
            ),
          },
        }),
      ],
      outputs: ['p', 'q', 'r', 'all'],
    });
    expect(error).toBeLessThan(EXACT);
  });

  it('reads a counter with one dimension, and constants of the body', async () => {
    const counting = makeGraph(
      'body',
      [
        same('go', 'on'),
        n('Cast', ['i'], ['f'], { to: { int: 11 } }),
        n('Add', ['f', 'half'], ['g']),
        n('Concat', ['g', 'g'], ['gg'], { axis: { int: 0 } }),
        n('Mul', ['a', 'gg'], ['b']),
      ],
      [makeValueInfo('i', 'int64', [1]), makeValueInfo('go', 'bool', [1]), makeValueInfo('a', 'float64', [2])],
      [makeValueInfo('on', 'bool', [1]), makeValueInfo('b', 'float64', [2])],
      [makeTensor('half', 'float64', [0.5], [1])],
    );
    const error = await largestError({
      inputs: { trips: integers([3]), x: doubles([2]) },
      nodes: [n('Loop', ['trips', '', 'x'], ['y'], { body: { graph: counting } })],
      outputs: ['y'],
    });
    expect(error).toBeLessThan(EXACT);
  });

  it('of what draws random numbers is refused', () => {
    const drawing = loopBody(
      ['i', 'go', 'a'],
      [same('go', 'on'), n('RandomNormalLike', ['a'], ['noise']), n('Mul', ['a', 'noise'], ['b'])],
      ['on', 'b'],
    );
    const model = modelOf(
      {
        inputs: { trips: integers([3], []), x: doubles([2]) },
        nodes: [n('Loop', ['trips', '', 'x'], ['y'], { body: { graph: drawing } })],
        outputs: ['y'],
      },
      'sizes',
    );
    expect(() => backward(model, { seeds: ['y'], wanted: ['x'] })).toThrow('drawn again');
  });

  it('over lists of tensors is refused rather than lost', () => {
    const model = modelOf(
      {
        inputs: { x: doubles([2]), k: integers([0], []) },
        nodes: [n('SequenceConstruct', ['x', 'x'], ['list']), n('SequenceAt', ['list', 'k'], ['y'])],
        outputs: ['y'],
      },
      'sizes',
    );
    expect(() => backward(model, { seeds: ['y'], wanted: ['x'] })).toThrow('SequenceAt has no derivative');
  });
});

it('the second derivative of a Loop whose state changes its shape is refused', () => {
  const doubling = loopBody(
    ['i', 'go', 'a'],
    [same('go', 'on'), n('Mul', ['a', 'a'], ['c']), n('Concat', ['c', 'a'], ['b'], { axis: { int: 0 } })],
    ['on', 'b'],
  );
  const forward = modelOf(
    {
      inputs: { trips: integers([3], []), x: doubles([2]) },
      nodes: [n('Loop', ['trips', '', 'x'], ['y'], { body: { graph: doubling } })],
      outputs: ['y'],
    },
    'sizes',
  );
  const first = backward(forward, { seeds: ['y'], wanted: ['x'] });
  expect(() => backward(first.model, { seeds: [gradientName('x')], wanted: ['x'] })).toThrow(
    'it goes through a list of tensors whose shapes change from iteration to iteration',
  );
});

describe('the derivative of a Scan', () => {
  const running = body(
    [list('a'), list('part'), list('other')],
    [
      n('Mul', ['a', 'w'], ['m']),
      n('Add', ['m', 'part'], ['s']),
      n('Sin', ['s'], ['b']),
      n('Mul', ['b', 'other'], ['out']),
    ],
    [list('b'), list('out')],
  );

  it.each([
    { axes: [0, 1], directions: [0, 0], outAxis: 0, outDirection: 0 },
    { axes: [0, -1], directions: [1, 0], outAxis: 1, outDirection: 1 },
    { axes: [0, 1], directions: [1, 1], outAxis: -1, outDirection: 0 },
  ])('over $axes in the directions $directions', async ({ axes, directions, outAxis, outDirection }) => {
    const error = await largestError({
      inputs: { h: doubles([2]), x: doubles([3, 2], 2), z: doubles([2, 3], 3), w: doubles([2], 4) },
      nodes: [
        n('Scan', ['h', 'x', 'z'], ['end', 'all'], {
          body: { graph: running },
          num_scan_inputs: { int: 2 },
          scan_input_axes: { ints: axes },
          scan_input_directions: { ints: directions },
          scan_output_axes: { ints: [outAxis] },
          scan_output_directions: { ints: [outDirection] },
        }),
        n('Exp', ['end'], ['o']),
      ],
      outputs: ['o', 'all'],
    });
    expect(error).toBeLessThan(EXACT);
  });

  it('with states that are no floats, and without states', async () => {
    const counting = body(
      [makeValueInfo('k', 'int64', [1]), list('a'), list('part')],
      [
        n('Add', ['k', 'k'], ['l']),
        n('Cast', ['k'], ['f'], { to: { int: 11 } }),
        n('Mul', ['part', 'f'], ['p']),
        n('Add', ['a', 'p'], ['b']),
      ],
      [makeValueInfo('l', 'int64', [1]), list('b'), list('p')],
    );
    expect(
      await largestError({
        inputs: { k: integers([1]), h: doubles([2]), x: doubles([3, 2], 2) },
        nodes: [
          n('Scan', ['k', 'h', 'x'], ['n', 'y', 'all'], { body: { graph: counting }, num_scan_inputs: { int: 1 } }),
        ],
        outputs: ['y', 'all'],
      }),
    ).toBeLessThan(EXACT);
    const mapped = body([list('part')], [n('Mul', ['part', 'w'], ['m']), n('Tanh', ['m'], ['b'])], [list('b')]);
    expect(
      await largestError({
        inputs: { x: doubles([3, 2], 2), w: doubles([2], 3) },
        nodes: [n('Scan', ['x'], ['y'], { body: { graph: mapped }, num_scan_inputs: { int: 1 } })],
        outputs: ['y'],
      }),
    ).toBeLessThan(EXACT);
  });
});
