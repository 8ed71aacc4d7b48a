import { TraceError } from '../errors.ts';
import { sub } from '../functions/arithmetic.ts';
import { asTraced } from '../functions/nodes.ts';
import { permute } from '../functions/shaping.ts';
import type { Address, AttributesOf } from '../graph/ops.ts';
import { dequantized } from '../onnx/dequantize.ts';
import { initializerTensor } from '../onnx/initializer-tensor.ts';
import type { AnyTensor } from '../tensor/tensor.ts';
import { apply, copy, toProxy } from '../tracing/apply.ts';
import { blank } from '../tracing/blanks.ts';
import { type Builder, builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { fitted } from '../tracing/fitted.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { inner } from '../tracing/hidden.ts';
import { lacksGradient } from '../tracing/lacking.ts';
import { owning, TensorProxy, viewing } from '../tracing/proxy.ts';
import type { ModelMap } from './model-map.ts';
import { ANYWHERE } from './place.ts';
import { activeTracing } from './tracing.ts';
import { TypedModel } from './typed-model.ts';

/** The value at an address: only the rows of the invoke that runs now. */
export function readTensor(forward: TracedForward, address: Address): TensorProxy {
  const target = builder();
  const whole = owning(target, forward.read(address));
  const rows = rowsAt(target, forward, address);
  if (!rows) return ifEntered(forward, address, whole);
  const view = viewing(target, {
    parent: whole[inner],
    op: 'getitem',
    operands: rows.operands.map((operand) => operand[inner]),
    attributes: rows.attributes,
  });
  view[inner].rowsOf = whole[inner];
  return ifEntered(forward, address, view);
}

/** What enters a module: of a module in a branch of the model, a copy that is there only if the branch runs. */
function ifEntered(forward: TracedForward, address: Address, tensor: TensorProxy): TensorProxy {
  if (address.port !== 'input') return tensor;
  const { map } = TypedModel.of(forward);
  const around = map.branches.around(address);
  const ran = around.at(-1);
  if (!ran || map.branches.of(address).length === around.length) return tensor;
  const target = builder();
  const value = tensor[inner].value();
  const bodies = [value, blank(target, value.type)].map((one) => ({ parameters: [], nodes: [], results: [one] }));
  const condition = forward.read(ran).content;
  const storage = target.storage(target.addTyped('if', [condition], [value.type], {}, bodies).outputs[0]!);
  storage.unchangeable = `The input of ${address.path} is changed in place, and the tensor is also read outside of the branch of the model that the module is in. Assign it instead: ${address.path}.input = …`;
  return owning(target, storage);
}

/**
 * A parameter of the model, as PyTorch has it: a copy, since no trace may change the model's own weights. Outside of a
 * trace of the model it is a tensor with its elements, read from the file.
 */
export function readParameter(map: ModelMap, path: string, standing = ANYWHERE): TensorProxy | AnyTensor {
  const current = activeTracing()?.forwards.of(map, '', standing);
  if (!current) return parameterInFile(map, path);
  if (map.quantized.has(path)) {
    const { isTurned } = map.quantized.get(path)!;
    const numbers = toProxy(elementsInFile(map, path));
    return copy(isTurned ? apply('permute', [numbers], { dims: [1, 0] }) : numbers);
  }
  const forward = TypedModel.of(current).readerOf(path, current);
  const inFile = owning(builder(), forward.read({ path, port: 'parameter', index: 0, call: 0 }));
  const { map: own } = TypedModel.of(forward);
  const { transposed, raised } = own;
  const lack = own.lackOf(path);
  if (lack !== null) lacksGradient(inFile[inner].value(), lack);
  const isTurned = transposed.has(path);
  if (!isTurned && !raised.has(path)) return copy(inFile);
  const weight = copy(isTurned ? apply('permute', [inFile], { dims: [1, 0] }) : toProxy(sub(asTraced(inFile), 1)));
  weight[inner].fileForm = { inFile: copy(inFile)[inner], value: weight[inner].value(), isTurned };
  return weight;
}

function parameterInFile(map: ModelMap, path: string): AnyTensor {
  const isTurned = map.transposed.has(path) || map.quantized.get(path)?.isTurned;
  const tensor = elementsInFile(map, path);
  if (map.raised.has(path)) return sub(tensor, 1) as AnyTensor;
  return isTurned ? permute(tensor, 1, 0) : tensor;
}

/** A parameter with its dims in the file's order; of one in few bits, the numbers that these stand for. */
function elementsInFile({ model, parameters, transposed, quantized }: ModelMap, path: string): AnyTensor {
  const inFewBits = quantized.get(path);
  const tensor = inFewBits
    ? dequantized(model, inFewBits.weight)
    : initializerTensor(model, transposed.get(path) ?? parameters.get(path)!);
  if (tensor !== null) return tensor;
  throw new TraceError(
    inFewBits
      ? `The parameter ${path} is quantized in this file, in a way that cannot be read.`
      : `The parameter ${path} is read outside of a trace, where its elements cannot be had. Save it in a block.`,
    callerSite(),
  );
}

/** Puts a value at an address for everything downstream; in an invoke, into its own rows. */
export function writeTensor(forward: TracedForward, address: Address, value: unknown): void {
  const target = builder();
  const name = `${address.path || 'the model'}.${address.port}`;
  const rows = rowsAt(target, forward, address);
  const fit = fitted(target, name, value, readTensor(forward, address))[inner].value();
  const storage = value instanceof TensorProxy ? value[inner].root : target.storage(fit);
  target.assigned.add({ storage, forward, region: target.region, name, rows: rows && target.rows });
  if (!rows) {
    forward.bind(address, target.storage(fit));
    return;
  }
  const whole = forward.read(address).content;
  const inputs = [whole, ...rows.operands.map((operand) => operand[inner].value()), fit];
  forward.bind(address, target.storage(target.add('setitem', inputs, rows.attributes).outputs[0]!));
}

/** The rows of the running invoke as an index; null if the whole tensor is meant. */
function rowsAt(
  target: Builder,
  forward: TracedForward,
  address: Address,
): { operands: TensorProxy[]; attributes: AttributesOf<'getitem'> } | null {
  const { rows } = target;
  if (!rows || forward.rows) return null;
  const { batching } = forward.resolve(address);
  if (batching === 'none') return null;
  if (batching === 'unknown') {
    const site = callerSite() ?? target.site;
    activeTracing()!.unknownRows ??= { name: `${address.path || 'the model'}.${address.port}`, site };
    return null;
  }
  if (batching === 'mixed') {
    throw new TraceError(
      `Dimension 0 of ${address.path || 'the model'}.${address.port} counts rows and positions of the whole batch together, so the rows of one invoke cannot be told apart. Use the output of the module around it, or give the input a trace of its own.`,
      callerSite() ?? target.site,
    );
  }
  const { start, count } = rows;
  return {
    operands: [toProxy(start), toProxy(start + count)],
    attributes: { items: [{ kind: 'slice', start: true, stop: true, step: false, size: count }] },
  };
}
