import { TraceError } from '../errors.ts';
import type { Address } from '../graph/ops.ts';
import { apply, toProxy, wrap } from '../tracing/apply.ts';
import { builder } from '../tracing/builder.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { inner } from '../tracing/hidden.ts';
import { commonShape } from '../tracing/lists.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import type { ModelMap } from './locate.ts';

/** Runs a module on other values, in the middle of a forward: a logit lens. Gives its main output. */
export function callModule(
  forward: TracedForward,
  map: ModelMap,
  address: Address,
  values: readonly unknown[],
): TensorProxy {
  const target = builder();
  const { inputs, outputs } = map.locate(address);
  if (values.length === 0 || values.length > inputs.length) {
    throw new TraceError(
      `${address.path} takes 1 to ${inputs.length} tensors, but ${values.length} are given.`,
      target.site,
    );
  }
  const proxies = values.map((value, index) =>
    converted(forward, { ...address, port: 'input', index }, toProxy(value)),
  );
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
function converted(forward: TracedForward, address: Address, value: TensorProxy): TensorProxy {
  const { dtype } = forward.resolve(address).type;
  if (value.dtype === dtype) return value;
  if (value.dtype.startsWith('float') && !dtype.startsWith('float')) {
    throw new TraceError(
      `${address.path} takes ${dtype} values and is called on ${value.dtype}. Convert the value with to('${dtype}').`,
      value[inner].builder.site,
    );
  }
  return apply('cast', [value], { dtype });
}
