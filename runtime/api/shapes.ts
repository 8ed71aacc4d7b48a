import type { TensorType } from '../graph/types.ts';
import type { Sizes, SymbolicTypes } from '../shapes/symbolic.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Batching } from '../tracing/model.ts';
import type { ModelMap } from './model-map.ts';
import type { Shapes } from './typed-model.ts';

/** The shapes for given inputs: by formulas if all are known, else by a run of ONNX Runtime's inference. */
export async function shapesFor(map: ModelMap, inputs: ReadonlyMap<string, InputTensor>): Promise<Shapes> {
  const symbolic = await map.symbolic();
  const dims = Object.fromEntries([...inputs].map(([name, tensor]) => [name, tensor.dims]));
  const sizes = symbolic.sizes(dims);
  const isKnown = symbolic.complete && [...sizes.values()].every((size) => size !== null);
  if (isKnown) return shapesOf(symbolic, sizes);
  const types = await map.types.at(dims);
  return { type: (tensor) => types.get(tensor), batching: (tensor) => batchingOf(symbolic, tensor) };
}

/** The shapes of the model's outputs as the file declares them, or null if it does not declare enough. */
export function declaredShapes({ model }: ModelMap): Shapes | null {
  const types = new Map<string, TensorType>();
  for (const { name, dtype, dims } of model.outputs) {
    if (!dtype || !dims) return null;
    types.set(name, { dtype, shape: dims.map((dim) => (typeof dim === 'number' ? dim : null)) });
  }
  return { type: (tensor) => types.get(tensor), batching: () => 'none' };
}

/** The shapes for sizes, some of which may not be known yet. */
export function shapesOf(symbolic: SymbolicTypes, sizes: Sizes): Shapes {
  return {
    type: (tensor) => symbolic.type(tensor, sizes),
    batching: (tensor) => batchingOf(symbolic, tensor),
  };
}

function batchingOf(symbolic: SymbolicTypes, tensor: string): Batching {
  // What has no formulas at all is a parameter.
  if (symbolic.dtype(tensor) === undefined) return 'none';
  const dims = symbolic.formulas(tensor);
  if (dims?.length === 0) return 'none';
  const { batch } = symbolic;
  const rows = dims?.[0];
  if (batch === null || !rows) return 'unknown';
  const [term, ...others] = rows.terms;
  if (!rows.terms.some(({ symbols }) => symbols.includes(batch))) return 'none';
  const isBatch = others.length === 0 && rows.constant === 0 && term!.coefficient === 1 && term!.symbols.length === 1;
  return isBatch ? 'rows' : 'mixed';
}
