import { readsOf } from '../onnx/captures.ts';
import { isFloat } from '../onnx/dtypes.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { type Module, walk } from './module.ts';

/*
 * An optimizer makes a constant of what a module gives for other constants: DeBERTa projects the embeddings of its distances as
 * it does its states, and ONNX Runtime leaves one call of the two. The module's weights are in the file, but they no longer do
 * all that they did.
 */

/** The modules that have lost a call so, by their paths, each with the constant that was made of it. */
export function foldedCalls({ graph, initializers, links }: OnnxModel, tree: Module): ReadonlyMap<string, string> {
  const modules = new Map([...walk(tree)].map((module) => [module.path, module]));
  const found = new Map<string, string>();
  const computed = new Map<string, string>();
  for (const { name, dataType } of graph.initializer) {
    const around = isFloat(dataType) ? moduleAround(name) : null;
    if (around === null) continue;
    computed.set(name, around);
    const called = counted(around, modules);
    if (called !== null) found.set(called, name);
  }
  if (computed.size === 0) return found;
  const givers = new Map<string, string>();
  for (const { path, children, calls } of modules.values()) {
    if (children.size === 0) for (const { outputs } of calls) if (outputs[0]) givers.set(outputs[0], path);
  }
  const isNumber = (name: string) => links.structural.has(name) && !computed.has(name);
  /** What a tensor has the numbers of, laid out otherwise. */
  const base = (tensor: string): string => {
    let name = tensor;
    for (let from: string | null = name; from !== null; ) {
      name = from;
      const maker = givers.has(name) ? undefined : links.maker.get(name);
      from = maker === undefined ? null : sameNumbers(graph.node[maker]!, isNumber);
    }
    return name;
  };
  const products = graph.node
    .filter(({ opType }) => PRODUCT.test(opType))
    .map((node) => readsOf(node).slice(0, 2).map(base) as [string, string]);
  const sides = products.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]);
  for (const [factor, constant] of sides) {
    const around = computed.get(constant);
    if (around === undefined || initializers.has(factor)) continue;
    for (const [other, partner] of sides) {
      const giver = other === factor ? givers.get(partner) : undefined;
      if (giver?.startsWith(`${around}.`)) found.set(giver, constant);
    }
  }
  return found;
}

const PRODUCT = /^(Fused)?MatMul$/;

/** The module of the node that made a constant, which then has its name; null for other names. */
function moduleAround(name: string): string | null {
  const [, around, operator] = /^\/(.*)\/([A-Z][A-Za-z]*)(?:_\d+)?_output_0$/.exec(name) ?? [];
  return around === undefined || operator === 'Constant' ? null : around.replaceAll('/', '.');
}

/** The module that a path is a later call of: `self.proj` for `self.proj_1`, if there is no module of that name. */
function counted(path: string, modules: ReadonlyMap<string, Module>): string | null {
  if (modules.has(path)) return null;
  const first = path.split('.').reduce((around, name) => {
    const inside = around === '' ? name : `${around}.${name}`;
    return modules.has(inside) ? inside : inside.replace(/_\d+$/, '');
  }, '');
  return modules.has(first) ? first : null;
}

const LAID_OUT: ReadonlySet<string> = new Set([
  ...['Cast', 'Expand', 'Identity', 'Reshape', 'Squeeze', 'Tile', 'Transpose', 'Unsqueeze'],
]);

/** The tensor whose numbers a node hands on in another layout, or times what is no tensor of its own; null for other nodes. */
function sameNumbers({ opType, input }: NodeProto, isNumber: (name: string) => boolean): string | null {
  if (LAID_OUT.has(opType)) return input[0]!;
  if (opType !== 'Mul' && opType !== 'Div') return null;
  const [from, ...others] = input.filter((name) => !isNumber(name));
  return from === undefined || others.length > 0 ? null : from;
}
