import { saysWhetherRan } from '../onnx/branches/ran.ts';
import { isAdded } from '../onnx/branches/stands-for.ts';
import type { Links } from '../onnx/links.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { GraphProto, NodeProto } from '../onnx/proto.ts';
import { withBranchScopes } from './branch-scopes.ts';
import type { CallContext } from './call-context.ts';
import { moduleCalls } from './calls.ts';
import { areCounted } from './counted-calls.ts';
import { CountedNames } from './counted-names.ts';
import { type Draft, draft, ensure, withAncestors } from './draft.ts';
import { type Module, type Operation, walk } from './module.ts';
import { scopes, sourceLine } from './names.ts';
import { noteModules } from './notes.ts';
import { parameterPaths } from './parameters.ts';
import type { Scope } from './scope.ts';
import { settle } from './settle.ts';

/**
 * The module tree of a model, from the names in its file. If the names show no modules, the tree is only a root.
 * The root's outputs and inputs are the model's own, in the model's order.
 */
export function buildTree(model: OnnxModel): Module {
  const { graph, links } = model;
  const paths = parameterPaths(graph);
  const named = withBranchScopes(graph, links, scopes(graph.node, paths));
  const { scopes: told, lost } = settle(graph, links, named);
  const context: CallContext = {
    graph,
    links,
    scopes: told,
    reach: reached(model),
    splits: new Set(graph.node.flatMap(({ opType }, i) => (opType === 'Split' && named[i] === null ? [i] : []))),
    finalStates: model.finalStates,
    lost,
    types: model.elementTypes,
  };
  const root = draft('');
  const nodes = new Map<string, number[]>();
  // Many nodes share a scope: its modules are looked up once.
  const module = memo((path: string) => ensure(root, path));
  const own = memo((scope: Scope) => ensureScope(module, scope));
  const around = memo(({ modules }: Scope) => withAncestors(modules));
  const place = (scope: Scope, index: number) => {
    own(scope).sourceLine ??= sourceLine(graph.node[index]!);
  };
  told.forEach((scope, index) => {
    // Exporters put constants first, wherever they are used: the order of modules is that of the nodes that compute.
    if (!graph.node[index]!.output.every((name) => links.constant.has(name))) place(scope, index);
    for (const path of around(scope)) {
      const others = nodes.get(path);
      if (others === undefined) nodes.set(path, [index]);
      else others.push(index);
    }
  });
  told.forEach(place);
  const called = new Set(told.flatMap(({ modules }) => modules));
  for (const module of walk(root)) {
    const own = nodes.get(module.path) ?? [];
    module.operations = operations(graph, links, own, module.path === '');
    if (!called.has(module.path)) continue;
    // A module may run outside of the one that it stands in: where its parent calls a part of a block behind the block.
    const within = own.filter((index) => told[index]!.modules.includes(module.path));
    const calls = moduleCalls(module.path, within, context);
    if (areCounted(calls, graph)) module.calls = calls;
    else module.note = { kind: 'uncounted' };
  }
  root.calls = [
    {
      outputs: model.outputs.map(({ name }) => name),
      order: 'sure',
      inputs: model.inputs.map(({ name }) => name),
      nodes: graph.node.map((_, index) => index),
    },
  ];
  // Parameters alone do not make modules: if nothing is known of the nodes, it is not known what happened to a module without nodes.
  if (named.some((scope) => scope !== null)) noteModules(root, context, paths);
  for (const module of walk(root)) {
    sortNumbered(module);
    const names = [...module.children.keys()];
    module.list = names.length > 0 && names.every((name, i) => name === String(i));
  }
  return root;
}

/** The nodes of a graph by name, for models without module names and for nodes between modules. */
export function nodesByName(model: OnnxModel): Map<string, { index: number; outputs: readonly string[] }> {
  const named = model.graph.node.map(({ name, output }, index) => [name, { index, outputs: output }] as const);
  return new Map(named.filter(([name]) => name !== ''));
}

/** By tensor the number of the model's first output that is made of it, not only of its size. */
function reached({ graph, links, outputs }: OnnxModel): Map<string, number> {
  const first = new Map(outputs.map(({ name }, i) => [name, i]));
  for (let index = graph.node.length - 1; index >= 0; index--) {
    const made = Math.min(...graph.node[index]!.output.map((name) => first.get(name) ?? Number.POSITIVE_INFINITY));
    // Nothing is made of a tensor whose size alone is used.
    const isSize = graph.node[index]!.output.every((name) => links.structural.has(name));
    if (made === Number.POSITIVE_INFINITY || isSize) continue;
    for (const name of links.reads[index]!) first.set(name, Math.min(made, first.get(name) ?? made));
  }
  return first;
}

function sortNumbered({ children }: Draft): void {
  const sorted = [...children].sort(([a], [b]) => Number(a) - Number(b));
  if (sorted.some(([name]) => !/^\d+$/.test(name))) return;
  children.clear();
  for (const [name, child] of sorted) children.set(name, child);
}

function memo<A, B>(compute: (value: A) => B): (value: A) => B {
  const known = new Map<A, B>();
  return (value) => {
    const result = known.has(value) ? known.get(value)! : compute(value);
    known.set(value, result);
    return result;
  };
}

/** Makes the modules of a scope, and returns the innermost. */
function ensureScope(at: (path: string) => Draft, { modules, classes }: Scope): Draft {
  const made = ['', ...modules].map((path) => {
    const module = at(path);
    module.className ??= classes.get(path) ?? null;
    return module;
  });
  return made.at(-1)!;
}

/**
 * The operations of a module by their operators and counts. In the model itself such a name may be what the file calls another
 * one (old exporters number all nodes: `Conv_0`, `Relu_1`, `Conv_2`): then those that the file calls so have its names.
 */
function operations({ node: all }: GraphProto, links: Links, nodes: readonly number[], isRoot: boolean): Operation[] {
  const changing = nodes.filter((index) => {
    const node = all[index]!;
    return !saysWhetherRan(node) && !isAdded(node) && node.output.some((name) => !links.constant.has(name));
  });
  const isLikeCounted = ({ name, opType }: NodeProto) =>
    name.startsWith(`${opType}_`) && /^\d+$/.test(name.slice(opType.length + 1));
  const like = (isRoot ? changing : []).filter((index) => isLikeCounted(all[index]!));
  const own = new Map(like.map((index) => [all[index]!.name, index]));
  const named = (taken: ReadonlyMap<string, number>): Operation[] => {
    const names = new CountedNames(new Set(taken.keys()));
    return changing.map((node) => {
      const { name, opType } = all[node]!;
      return { name: taken.get(name) === node ? name : names.next(opType), opType, node };
    });
  };
  const counted = named(new Map());
  return counted.every(({ name, node }) => (own.get(name) ?? node) === node) ? counted : named(own);
}
