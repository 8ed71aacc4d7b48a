import { Project, SyntaxKind } from 'ts-morph';
import { makeFunction, makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';
import { ROOT } from '../types/compilers.ts';

/**
 * A model in the way of the TorchScript exporter: a chain of modules at `paths`, each of which adds 1, so that the output
 * of number i is x + i + 1; then one called `holder`, which adds each of its parameters, all 1.
 */
export function namedModel(paths: readonly string[], parameters: readonly string[] = []): Uint8Array {
  const modules = paths.map((path) => ({ name: `/${path.replaceAll('.', '/')}/Add`, added: 'one' }));
  const held = parameters.map((name, i) => ({
    name: i === 0 ? '/holder/Add' : `/holder/Add_${i}`,
    added: `holder.${name}`,
  }));
  const nodes = [...modules, ...held].map(({ name, added }, i) =>
    makeNode('Add', [i === 0 ? 'x' : `y${i - 1}`, added], [`y${i}`], {}, name),
  );
  const ones = ['one', ...held.map(({ added }) => added)].map((name) => makeTensor(name, 'float32', [1], [1]));
  return encodeModel(makeModel(chain(nodes, ones)));
}

/** A model of one module, `block`, whose operations have these names; each, a function of the file, adds 1. */
export function namedOperations(names: readonly string[]): Uint8Array {
  // In another operator set than the model's, so that the calls stay.
  const functions = names.map((name) =>
    makeFunction(
      'own',
      name,
      ['a'],
      ['b'],
      [makeNode('Constant', [], ['one'], { value_float: { float: 1 } }), makeNode('Add', ['a', 'one'], ['b'])],
      16,
    ),
  );
  const nodes = names.map((name, i) => {
    const node = makeNode(name, [i === 0 ? 'x' : `y${i - 1}`], [`y${i}`], {}, `/block/${name}`);
    node.domain = 'own';
    return node;
  });
  return encodeModel(makeModel(chain(nodes), 17, functions));
}

function chain(nodes: readonly NodeProto[], constants: Parameters<typeof makeGraph>[4] = []) {
  const [input, output] = ['x', nodes.at(-1)!.output[0]!].map((name) => makeValueInfo(name, 'float32', [null]));
  return makeGraph('named', nodes, [input!], [output!], constants);
}

/**
 * Every name that a class of the runtime has, and those that JavaScript itself gives to objects, functions and arrays;
 * without `block`, the module that the tests put them into.
 */
export function allNames(): string[] {
  const project = new Project({ skipAddingFilesFromTsConfig: true });
  const files = project.addSourceFilesAtPaths(`${ROOT}/runtime/**/*.ts`);
  const members = files.flatMap((file) =>
    file.getDescendantsOfKind(SyntaxKind.ClassDeclaration).flatMap((one) => one.getMembers()),
  );
  const ours = members.map((member) => ('getName' in member ? member.getName().replace('#', '') : 'constructor'));
  const own = [Object, Function, Array, Map, Promise].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype));
  const probed = ['then', 'toJSON', 'asymmetricMatch', '$$typeof', 'nodeType', 'tagName', 'inspect', 'default'];
  const kinds = ['with-dash', 'größe', 'class', '0', '1', '-1', 'layer_1', 'a b', "it's"];
  return [...new Set([...ours, ...own, ...probed, ...kinds])]
    .filter((name) => /^[^[\]./]+$/.test(name) && name !== 'block')
    .sort();
}
