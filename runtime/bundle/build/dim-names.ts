import type { ModelMap } from '../../api/model-map.ts';
import type { DType } from '../../graph/types.ts';
import { makeValueInfo } from '../../onnx/make.ts';
import type { ModelProto } from '../../onnx/proto.ts';
import type { OutputType } from '../../ort/port.ts';
import { soleSymbol } from '../../shapes/formulas.ts';
import type { RewrittenModel } from './rewritten.ts';

type Dims = readonly (number | string | null)[];

/**
 * A model that says what it knows of the free sizes of its tensors by their names, as far as the original's file and the
 * formulas of its shapes tell: ONNX Runtime carries the names on to what the intervention makes of these.
 */
export function withDimNames({ proto, formerNames }: RewrittenModel, { model, formulas }: ModelMap): ModelProto {
  const declared = new Map(model.outputs.map(({ name, dims }) => [name, dims]));
  const dimsOf = (tensor: string): Dims | undefined =>
    declared.get(tensor)?.map((dim) => (typeof dim === 'string' ? dim : null)) ??
    formulas?.formulas(tensor)?.map((dim) => dim && soleSymbol(dim));
  const valueInfo = proto.graph!.node.flatMap(({ output }) =>
    output.flatMap((name) => {
      const tensor = formerNames.get(name) ?? name;
      const [type, dims] = [formulas?.dtype(tensor), dimsOf(tensor)];
      return type && dims ? [makeValueInfo(name, type, dims)] : [];
    }),
  );
  const graph = proto.graph!;
  const output = graph.output.map((one) => valueInfo.find(({ name }) => name === one.name) ?? one);
  return { ...proto, graph: { ...graph, valueInfo, output } };
}

/** The dims of an output, its free sizes by the names that inputs, parameters and outputs of the original have for them. */
export function namedDims(dims: Dims | null, found: OutputType | undefined, names: ReadonlySet<string>): Dims | null {
  if (!found?.symbols || dims?.length !== found.symbols.length) return dims;
  return dims.map((dim, i) => {
    const symbol = found.symbols![i]!;
    return dim ?? (symbol !== null && names.has(symbol) ? symbol : null);
  });
}

/** The names that tensors have for free sizes. */
export function freeSizes(tensors: readonly { readonly dims: Dims | null }[]): Set<string> {
  return new Set(tensors.flatMap(({ dims }) => dims ?? []).filter((dim) => typeof dim === 'string'));
}

/** A model whose outputs are declared anew. */
export function withOutputs(
  proto: ModelProto,
  outputs: readonly { readonly name: string; readonly dtype: DType; readonly dims: Dims | null }[],
): ModelProto {
  const output = outputs.map(({ name, dtype, dims }) => makeValueInfo(name, dtype, dims));
  return { ...proto, graph: { ...proto.graph!, output } };
}
