import { branchOf } from '../onnx/branches/guarded.ts';
import type { Links } from '../onnx/links.ts';
import type { GraphProto, NodeProto } from '../onnx/proto.ts';
import { FX_NODE } from './folded-weights.ts';
import { parametersByFxName } from './parameters.ts';
import type { Scope } from './scope.ts';
import { ROOT } from './settle.ts';

/** The calls of PyTorch that are the whole of a module of torch.nn. */
const WHOLE = /target=torch\.ops\.aten\.(linear|conv\w*|\w*_norm|embedding|prelu|bilinear)\./;

/** More calls of one module than an iteration of a loop has: calls are numbered through all iterations. */
const MANY = 1000;

/**
 * The scopes of nodes in branches of which the dynamo exporter told no module: it names only the calls of PyTorch there, and
 * the parameters that these read. A call that is all that a module of torch.nn does is that module, if it alone reads the
 * module's parameters; all else stands in the module whose conditional it is. In a loop each iteration calls its modules anew.
 */
export function withBranchScopes(graph: GraphProto, links: Links, told: readonly (Scope | null)[]): (Scope | null)[] {
  const paths = parametersByFxName(graph);
  const quoted = graph.node.map((node) => (branchOf(node) ? quotedIn(node, paths) : []));
  const callsOf = new Map<string, Set<string>>();
  graph.node.forEach((node, index) => {
    for (const path of quoted[index]!)
      callsOf.set(moduleOf(path), (callsOf.get(moduleOf(path)) ?? new Set()).add(callIn(node)));
  });
  const scopeOf = (index: number): Scope | null => {
    const own = told[index]!;
    const node = graph.node[index]!;
    const branch = branchOf(node);
    if (!branch) return own;
    const around = scopeOf(links.maker.get(branch.of)!) ?? ROOT;
    const scope = own ?? leafScope(node, quoted[index]!, around);
    const isInside = branch.iteration !== undefined && scope.modules.length > around.modules.length;
    return isInside ? { ...scope, call: branch.iteration! * MANY + (scope.call ?? 0) } : scope;
  };
  const leafScope = (node: NodeProto, parameters: readonly string[], around: Scope): Scope => {
    const [path, ...others] = new Set(parameters.map(moduleOf));
    const isWhole =
      path !== undefined && others.length === 0 && callsOf.get(path)!.size === 1 && WHOLE.test(callIn(node));
    return isWhole ? { ...around, modules: [...around.modules, path] } : around;
  };
  return told.map((_, index) => scopeOf(index));
}

/** The paths of the parameters that a call reads. */
function quotedIn(node: NodeProto, paths: ReadonlyMap<string, string>): string[] {
  return [...callIn(node).matchAll(/%(\w+)/g)].flatMap(([, name]) => paths.get(name!) ?? []);
}

function callIn({ metadataProps }: NodeProto): string {
  return metadataProps.find(({ key }) => key === FX_NODE)?.value ?? '';
}

function moduleOf(parameter: string): string {
  return parameter.slice(0, Math.max(0, parameter.lastIndexOf('.')));
}
