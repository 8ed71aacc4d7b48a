import { branchOf } from '../onnx/branches/branch.ts';
import type { Links } from '../onnx/links.ts';
import type { GraphProto, NodeProto } from '../onnx/proto.ts';
import { subgraphsOf } from '../onnx/subgraphs.ts';
import { FX_NODE } from './folded-weights.ts';
import { isAnonymous, parametersByFxName } from './parameters.ts';
import type { Scope } from './scope.ts';
import { ROOT } from './scope.ts';

/** The calls of PyTorch that are the whole of a module of torch.nn. */
const WHOLE = /target=torch\.ops\.aten\.(linear|conv\w*|\w*_norm|embedding|prelu|bilinear)\./;

/** More calls of one module than an iteration of a loop has: calls are numbered through all iterations. */
const MANY = 1000;

/**
 * The scopes of nodes in branches of which the dynamo exporter told no module: it names only the calls of PyTorch there, and
 * the parameters that these read. A call that is all that a module of torch.nn does is that module, if no call of another
 * kind reads the module's parameters; all else stands in the module whose conditional it is. In a loop each iteration calls
 * its modules anew.
 */
export function withBranchScopes(graph: GraphProto, links: Links, told: readonly (Scope | null)[]): (Scope | null)[] {
  const paths = parametersByFxName(graph);
  // A conditional quotes what its branches read.
  const isCall = (node: NodeProto) => branchOf(node) !== null && subgraphsOf(node).length === 0;
  const quoted = graph.node.map((node) => (isCall(node) ? quotedIn(node, paths) : []));
  const targets = new Map<string, Set<string>>();
  graph.node.forEach((node, index) => {
    for (const path of quoted[index]!)
      targets.set(moduleOf(path), (targets.get(moduleOf(path)) ?? new Set()).add(targetOf(node)));
  });
  const scopeOf = (index: number): Scope | null => {
    const own = told[index]!;
    const node = graph.node[index]!;
    const branch = branchOf(node);
    if (!branch) return own;
    const around = scopeOf(links.maker.get(branch.of)!) ?? ROOT;
    const scope = own ? withLeaf(own, node) : leafScope(node, quoted[index]!, around);
    const isInside = branch.iteration !== undefined && scope.modules.length > around.modules.length;
    return isInside ? { ...scope, call: branch.iteration! * MANY + (scope.call ?? 0) } : scope;
  };
  const leafScope = (node: NodeProto, parameters: readonly string[], around: Scope): Scope => {
    const [path, ...others] = new Set(parameters.map(moduleOf));
    const isWhole =
      path !== undefined && others.length === 0 && targets.get(path)!.size === 1 && WHOLE.test(callIn(node));
    return isWhole ? { ...around, modules: [...around.modules, path] } : around;
  };
  return told.map((_, index) => scopeOf(index));
}

/** Operators that are the whole of a module of torch.nn. */
const WHOLE_NODES = /^(Gemm|Conv|ConvTranspose|LayerNormalization|BatchNormalization)$/;

/** The scope of a node in a branch, where TorchScript leaves out the last part of some paths: the parameters tell it. */
function withLeaf(scope: Scope, { opType, input }: NodeProto): Scope {
  const around = scope.modules.at(-1) ?? '';
  const [path, ...others] = new Set(input.filter((name) => !isAnonymous(name)).map(moduleOf));
  const isOf = path !== undefined && others.length === 0 && around === moduleOf(path);
  return isOf && WHOLE_NODES.test(opType) ? { ...scope, modules: [...scope.modules, path] } : scope;
}

/** The paths of the parameters that a call reads. */
function quotedIn(node: NodeProto, paths: ReadonlyMap<string, string>): string[] {
  return [...callIn(node).matchAll(/%(\w+)/g)].flatMap(([, name]) => paths.get(name!) ?? []);
}

function callIn({ metadataProps }: NodeProto): string {
  return metadataProps.find(({ key }) => key === FX_NODE)?.value ?? '';
}

/** What a node calls: `torch.ops.aten.linear.default`. */
function targetOf(node: NodeProto): string {
  return /target=([\w.]+)/.exec(callIn(node))?.[1] ?? '';
}

function moduleOf(parameter: string): string {
  return parameter.slice(0, Math.max(0, parameter.lastIndexOf('.')));
}
