import type { NodeProto } from 'onnx-buf';

/** Where a node stands in the module tree, as its file tells it. */
export interface Scope {
  /** Paths of the modules around the node that were called, from the outermost to its own; none for the root. */
  readonly modules: readonly string[];
  /** Python class of each of `modules`, and the root's, where the file tells. */
  readonly classes: ReadonlyMap<string, string>;
  /** Which call of the innermost module this is, where the name tells: TorchScript names later calls `cell_1`, `cell_2`. */
  readonly call: number | null;
}

const SCOPES = 'pkg.torch.onnx.name_scopes';
const CLASSES = 'pkg.torch.onnx.class_hierarchy';
const TRACE = 'pkg.torch.onnx.stack_trace';

/**
 * The scope of every node: from the metadata of the dynamo exporter where there is any, else from node names.
 * Null for a node that says nothing. `parameters` are the paths of the parameters: they settle what names leave open.
 */
export function scopes(nodes: readonly NodeProto[], parameters: ReadonlySet<string>): (Scope | null)[] {
  if (nodes.some((node) => property(node, SCOPES) !== undefined)) return nodes.map(dynamoScope);
  const paths = torchScriptPaths(nodes, parameters);
  return nodes.map((node) => {
    const parts = scopeParts(node.name);
    const scope = parts === null ? undefined : paths.get(parts.join('/'));
    return scope ?? null;
  });
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

/** `/transformer/h.0/attn/MatMul` → ['transformer', 'h.0', 'attn']; null where a name has no path. */
function scopeParts(name: string): string[] | null {
  if (!name.includes('/')) return null;
  return name
    .split('/')
    .filter((part) => part !== '')
    .slice(0, -1);
}

/** The scope that each path in the node names stands for. */
function torchScriptPaths(nodes: readonly NodeProto[], parameters: ReadonlySet<string>): Map<string, Scope> {
  const operators = new Map<string, string[]>();
  for (const { name, opType } of nodes) {
    const scope = scopeParts(name)?.join('/');
    if (scope !== undefined) operators.set(scope, [...(operators.get(scope) ?? []), opType]);
  }
  const owners = modulePaths(parameters);
  const found = new Map<string, Scope>();
  for (const scope of operators.keys()) {
    const parts = scope === '' ? [] : scope.split('/');
    const modules: string[] = [];
    let call: number | null = null;
    parts.forEach((part, i) => {
      const above = parts.slice(0, i);
      const repeat = repeated(above, part, modules.at(-1) ?? '', operators, owners);
      modules.push(childPath(modules.at(-1) ?? '', above.at(-1), repeat?.part ?? part, owners));
      call = repeat?.call ?? 0;
    });
    found.set(scope, { modules, classes: new Map(), call });
  }
  return found;
}

/** Children of a Sequential are named with its own name before theirs: `/stem/stem.0` is `stem.0`, not `stem.stem.0`. */
function childPath(parent: string, above: string | undefined, part: string, owners: ReadonlySet<string>): string {
  const nested = parent === '' ? part : `${parent}.${part}`;
  if (above === undefined || !part.startsWith(`${above}.`)) return nested;
  const merged = parent + part.slice(above.length);
  return owners.has(nested) && !owners.has(merged) ? nested : merged;
}

/**
 * `cell_1` may be a module of that name or the second call of `cell`. It is a call where there is a `cell` beside it
 * and no parameter lies in a `cell_1`; without parameters to tell, where both hold the same operators.
 */
function repeated(
  above: readonly string[],
  part: string,
  parent: string,
  operators: ReadonlyMap<string, readonly string[]>,
  owners: ReadonlySet<string>,
): { part: string; call: number } | null {
  const [, base, number] = /^(.+)_([1-9]\d*)$/.exec(part) ?? [];
  if (base === undefined || number === undefined) return null;
  const one = [...above, part].join('/');
  const other = [...above, base].join('/');
  const has = (scope: string) => [...operators.keys()].some((key) => key === scope || key.startsWith(`${scope}/`));
  if (!has(other) || owners.has(childPath(parent, above.at(-1), part, owners))) return null;
  const hasParameters = owners.has(childPath(parent, above.at(-1), base, owners));
  const alike = operators.get(one)?.join() === operators.get(other)?.join();
  return hasParameters || alike ? { part: base, call: Number(number) } : null;
}

/** Every path that holds a parameter, at any depth. */
function modulePaths(parameters: ReadonlySet<string>): Set<string> {
  const paths = new Set<string>();
  for (const parameter of parameters) {
    for (let end = parameter.lastIndexOf('.'); end > 0; end = parameter.lastIndexOf('.', end - 1)) {
      paths.add(parameter.slice(0, end));
    }
  }
  return paths;
}
