import { makeFunction, makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { FunctionProto, ModelProto, NodeProto } from '../../runtime/onnx/proto.ts';

export const WIDTH = 32;

/** How a tensor of floats, [1, WIDTH], is drawn: the nodes that make `output`, the last of them last. */
export type Drawing = (output: string) => NodeProto[];

const SHAPE = { shape: { ints: [1, WIDTH] } };
const drawnBy =
  (op: string, inputs: readonly string[], attributes = {}): Drawing =>
  (output) => [makeNode(op, inputs, [output], attributes)];
/** The call of a local function. */
const calling =
  (name: string, inputs: readonly string[]): Drawing =>
  (output) => [{ ...makeNode(name, inputs, [output]), domain: 'made' }];
/** A graph in which `w` of the model around it is noisy. */
const noisy = (name: string) =>
  makeGraph(name, [makeNode('RandomNormalLike', ['w'], [`${name}_y`])], [], [makeValueInfo(`${name}_y`, 'float32')]);
const plain = (name: string) =>
  makeGraph(name, [makeNode('Identity', ['w'], [`${name}_y`])], [], [makeValueInfo(`${name}_y`, 'float32')]);

/** Everything in ONNX by which a model can draw random numbers, of constants alone where that is possible. */
export const DRAWINGS: Readonly<Record<string, Drawing>> = {
  RandomNormal: drawnBy('RandomNormal', [], SHAPE),
  RandomNormalLike: drawnBy('RandomNormalLike', ['w']),
  'RandomNormalLike of an input': drawnBy('RandomNormalLike', ['x']),
  RandomUniform: drawnBy('RandomUniform', [], SHAPE),
  RandomUniformLike: drawnBy('RandomUniformLike', ['w']),
  Bernoulli: drawnBy('Bernoulli', ['halves']),
  Multinomial: (output) => [
    makeNode('Multinomial', ['w'], [`${output}_drawn`], { sample_size: { int: WIDTH } }),
    makeNode('Cast', [`${output}_drawn`], [output], { to: { int: 1 } }),
  ],
  'Dropout in training': drawnBy('Dropout', ['w', 'half', 'yes']),
  'Dropout whose training is told by the run': drawnBy('Dropout', ['w', 'half', 'training']),
  'a function': calling('Noise', ['w']),
  'a function that calls a function': calling('Outer', ['w']),
  'a function with a branch that draws': calling('Branching', ['w', 'yes']),
  'a function that is told to train': calling('Trained', ['w', 'half', 'yes']),
  'a branch': (output) => [
    makeNode('If', ['yes'], [output], {
      then_branch: { graph: noisy(`${output}_then`) },
      else_branch: { graph: plain(`${output}_else`) },
    }),
  ],
  'a branch that is chosen by the run': (output) => [
    makeNode('If', ['training'], [output], {
      then_branch: { graph: noisy(`${output}_then`) },
      else_branch: { graph: plain(`${output}_else`) },
    }),
  ],
  'a loop': (output) => [makeNode('Loop', ['two', 'yes', 'w'], [output], { body: { graph: loopBody(output) } })],
  'a scan': (output) => [
    makeNode('Scan', ['w', 'w'], [output, `${output}_all`], {
      body: { graph: scanBody(output) },
      num_scan_inputs: { int: 1 },
    }),
  ],
};

function loopBody(name: string) {
  const [index, goOn, state] = [`${name}_i`, `${name}_on`, `${name}_state`];
  return makeGraph(
    `${name}_body`,
    [
      makeNode('Identity', [goOn], [`${name}_next`]),
      makeNode('RandomNormalLike', [state], [`${name}_noise`]),
      makeNode('Add', [state, `${name}_noise`], [`${name}_sum`]),
    ],
    [makeValueInfo(index, 'int64', []), makeValueInfo(goOn, 'bool', []), makeValueInfo(state, 'float32')],
    [makeValueInfo(`${name}_next`, 'bool', []), makeValueInfo(`${name}_sum`, 'float32')],
  );
}

function scanBody(name: string) {
  const [state, row] = [`${name}_state`, `${name}_row`];
  return makeGraph(
    `${name}_body`,
    [
      makeNode('RandomNormalLike', [state], [`${name}_noise`]),
      makeNode('Add', [state, `${name}_noise`], [`${name}_sum`]),
      makeNode('Identity', [row], [`${name}_same`]),
    ],
    [makeValueInfo(state, 'float32'), makeValueInfo(row, 'float32')],
    [makeValueInfo(`${name}_sum`, 'float32'), makeValueInfo(`${name}_same`, 'float32')],
  );
}

function functions(): FunctionProto[] {
  const branch = (name: string, op: string) =>
    makeGraph(name, [makeNode(op, ['data'], [`${name}_y`])], [], [makeValueInfo(`${name}_y`, 'float32')]);
  const ifNode = makeNode('If', ['flag'], ['out'], {
    then_branch: { graph: branch('then', 'RandomUniformLike') },
    else_branch: { graph: branch('else', 'Identity') },
  });
  const dropout = makeNode('Dropout', ['data', 'ratio', 'flag'], ['out']);
  return [
    makeFunction('made', 'Noise', ['data'], ['out'], [makeNode('RandomNormalLike', ['data'], ['out'])]),
    makeFunction('made', 'Outer', ['data'], ['out'], [{ ...makeNode('Noise', ['data'], ['out']), domain: 'made' }]),
    makeFunction('made', 'Branching', ['data', 'flag'], ['out'], [ifNode]),
    makeFunction('made', 'Trained', ['data', 'ratio', 'flag'], ['out'], [dropout]),
  ];
}

/** Names a node as an exporter does, so that it is found in a module. */
function inModule(path: string, node: NodeProto): NodeProto {
  return { ...node, name: `/${path}/${node.opType}` };
}

function model(nodes: readonly NodeProto[], output: string): ModelProto {
  const numbers = (value: (i: number) => number) => Array.from({ length: WIDTH }, (_, i) => value(i));
  const constants = [
    makeTensor(
      'w',
      'float32',
      numbers((i) => 1 + i),
      [1, WIDTH],
    ),
    makeTensor(
      'halves',
      'float32',
      numbers(() => 0.5),
      [1, WIDTH],
    ),
    makeTensor('half', 'float32', [0.5], []),
    makeTensor('yes', 'bool', [1], []),
    makeTensor('two', 'int64', [2], []),
  ];
  const inputs = [makeValueInfo('x', 'float32', [1, WIDTH]), makeValueInfo('training', 'bool', [])];
  return makeModel(makeGraph('made', nodes, inputs, [makeValueInfo(output, 'float32')], constants), 17, functions());
}

/**
 * Layers that give their input back: the first adds two draws (its modules `noise` and `more`), the second and the third
 * take one off each.
 */
export function restoring(draw: Drawing): ModelProto {
  const nodes = [
    ...draw('r1').map((node) => inModule('layers.0/noise', node)),
    ...draw('r2').map((node) => inModule('layers.0/more', node)),
    inModule('layers.0/first', makeNode('Add', ['x', 'r1'], ['a'])),
    inModule('layers.0/second', makeNode('Add', ['a', 'r2'], ['b'])),
    inModule('layers.1/noise', makeNode('Identity', ['b'], ['c'])),
    inModule('layers.1/first', makeNode('Sub', ['c', 'r2'], ['d'])),
    inModule('layers.2/noise', makeNode('Identity', ['d'], ['e'])),
    inModule('layers.2/first', makeNode('Sub', ['e', 'r1'], ['y'])),
  ];
  return model(nodes, 'y');
}

/** Layers that add a draw of their own each, all in the same place of the layer. */
export function adding(draw: Drawing): ModelProto {
  const layer = (number: number, input: string, output: string) => [
    ...draw(`r${number}`).map((node) => inModule(`layers.${number}/noise`, node)),
    inModule(`layers.${number}/sum`, makeNode('Add', [input, `r${number}`], [output])),
  ];
  return model([...layer(0, 'x', 'a'), ...layer(1, 'a', 'b'), ...layer(2, 'b', 'y')], 'y');
}
