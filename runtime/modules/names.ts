import { branchOf } from '../onnx/branches/branch.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { BETWEEN } from '../onnx/split-fused.ts';
import { nodePath, pathScopes } from './path-names.ts';
import type { Scope } from './scope.ts';

const SCOPES = 'pkg.torch.onnx.name_scopes';
const CLASSES = 'pkg.torch.onnx.class_hierarchy';
const TRACE = 'pkg.torch.onnx.stack_trace';

/**
 * The scope of every node: from the metadata of the dynamo exporter where there is any, else from node names.
 * Null for a node that tells nothing. `parameters` are the paths of the parameters: they decide where names are ambiguous.
 */
export function scopes(nodes: readonly NodeProto[], parameters: ReadonlySet<string>): (Scope | null)[] {
  if (tellsByMetadata(nodes)) return nodes.map(dynamoScope);
  const isNamed = (node: NodeProto) => property(node, BETWEEN) === undefined;
  const paths = pathScopes(nodes.filter(isNamed), parameters);
  return nodes.map((node) => (isNamed(node) ? (paths.get(nodePath(node) ?? '?') ?? null) : null));
}

/** Whether metadata of nodes tell of their modules, as the dynamo exporter writes it. */
export function tellsByMetadata(nodes: readonly NodeProto[]): boolean {
  return nodes.some((node) => property(node, SCOPES) !== undefined);
}

/** The line of Python that made a node, where its file tells: `model.py:12: return self.head(x)`. */
export function sourceLine(node: NodeProto): string | null {
  const frames = [...(property(node, TRACE) ?? '').matchAll(/File "([^"]+)", line (\d+), in .*\n\s*(.*)/g)];
  const frame = frames.at(-1);
  return frame === undefined ? null : `${frame[1]}:${frame[2]}: ${frame[3]}`;
}

function property(node: NodeProto, key: string): string | undefined {
  return node.metadataProps.find((entry) => entry.key === key)?.value;
}

/** `name_scopes` is a Python list of paths, from the root's '' to the node's own name; `class_hierarchy` runs beside it. */
function dynamoScope(node: NodeProto): Scope | null {
  const names = property(node, SCOPES);
  if (names === undefined) return null;
  const paths = pythonList(names).slice(0, -1);
  if (paths[0] !== '' && branchOf(node)) return null;
  // Nodes that measure the inputs come from no module: their only scope is a marker.
  if (paths[0] !== '') return { modules: [], classes: new Map(), call: null };
  const classes = pythonList(property(node, CLASSES) ?? '').map((name) => name.slice(name.lastIndexOf('.') + 1));
  const known = paths.flatMap((path, i) => (classes[i] === undefined ? [] : [[path, classes[i]] as const]));
  return { modules: paths.slice(1), classes: new Map(known), call: null };
}

function pythonList(text: string): string[] {
  return [...text.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map(
    ([, single, double]) => single ?? double ?? '',
  );
}
