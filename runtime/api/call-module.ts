import { TraceError } from '../errors.ts';
import { asProxy, asTraced, sizesOf } from '../functions/nodes.ts';
import { reshape } from '../functions/shaping.ts';
import type { Address } from '../graph/ops.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import { builder } from '../tracing/builder.ts';
import { converted } from '../tracing/converted.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { inner } from '../tracing/hidden.ts';
import { commonShape } from '../tracing/lists.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import type { ModelMap } from './model-map.ts';
import { isLookUp, isTokenWise } from './token-wise.ts';

/**
 * Runs a module on other values, in the middle of a forward: a logit lens. Gives its main output. A layer that computes each
 * position by itself, and an embedding, take any number of dimensions, as in PyTorch, whatever the file was exported for.
 */
export function callModule(
  forward: TracedForward,
  map: ModelMap,
  address: Address,
  values: readonly unknown[],
): TensorProxy {
  if (values.length !== 1) return call(forward, map, address, values);
  const [usual, made] = [{ ...address, port: 'input' } as const, address].map((one) => forward.resolve(one).type.shape);
  const value = asInput(forward, { ...address, port: 'input', index: 0 }, toProxy(values[0]));
  const given = value[inner].type.shape;
  if (!usual || !given || given.length === usual.length) return call(forward, map, address, [value]);
  const module = map.find(address.path);
  const isLayer = given.length > 0 && usual.length > 1 && made?.length === usual.length && isTokenWise(module);
  const isTable = made?.length === usual.length + 1 && isLookUp(module);
  if (!isLayer && !isTable) {
    throw new TraceError(
      `${address.path} takes a tensor of ${usual.length} dimensions in this model, and is called on one of ${given.length}. Give it the others with unsqueeze(), view() or a slice that keeps them (h[':, -1:']).`,
      builder().site,
    );
  }
  const sizes = sizesOf(asTraced(value), address.path);
  const ones = usual.slice(isTable ? 1 : 2).map(() => 1);
  const rows = reshape(asTraced(value), isTable ? [...ones, -1] : [...ones, -1, sizes.at(-1)!]);
  const result = asTraced(call(forward, map, address, [asProxy(rows)]));
  const features = sizesOf(result, address.path).at(-1)!;
  return asProxy(reshape(result, [...(isTable ? sizes : sizes.slice(0, -1)), features]));
}

function call(forward: TracedForward, map: ModelMap, address: Address, values: readonly unknown[]): TensorProxy {
  const target = builder();
  const { inputs, outputs } = map.locate(address);
  if (values.length === 0 || values.length > inputs.length) {
    throw new TraceError(
      `${address.path} takes 1 to ${inputs.length} tensors, but ${values.length} are given.`,
      target.site,
    );
  }
  const proxies = values.map((value, index) => asInput(forward, { ...address, port: 'input', index }, toProxy(value)));
  const usual = forward.resolve({ ...address, port: 'input' }).type.shape;
  const same = JSON.stringify(usual) === JSON.stringify(proxies[0]![inner].type.shape);
  const types = outputs.map((_, index) => {
    const { dtype, shape } = forward.resolve({ ...address, index }).type;
    // For an input of another shape, only the size of the features is sure to stay.
    const features =
      shape &&
      commonShape(
        shape,
        shape.map((dim, i) => (i === shape.length - 1 ? dim : null)),
      );
    return { dtype, shape: same ? shape : features };
  });
  const operands = proxies.map((proxy) => proxy[inner].value());
  const node = target.addTyped('call', operands, types, { ...address, forward: forward.id });
  return wrap(target, node.outputs[0]!);
}

/** A value in the dtype that a module's input has. */
function asInput(forward: TracedForward, address: Address, value: TensorProxy): TensorProxy {
  const { dtype } = forward.resolve(address).type;
  return converted(value, dtype, (found) => `${address.path} takes ${dtype} values and is called on ${found}`);
}
