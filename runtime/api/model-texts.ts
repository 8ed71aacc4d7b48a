import { TraceError } from '../errors.ts';
import { fromTensor } from '../execution/session-tensors.ts';
import type { Address } from '../graph/ops.ts';
import { operationPath } from '../modules/operation-path.ts';
import { elementType, TEXTS } from '../onnx/dtypes.ts';
import { ModelError } from '../onnx/error.ts';
import { tailModel, tailOf } from '../onnx/tail.ts';
import { ort } from '../ort/ort.ts';
import { plainText } from '../ort/plain-text.ts';
import type { SessionTensor } from '../ort/port.ts';
import { type InputTensor, StringTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { saveTensor } from '../tracing/saves.ts';
import { tracedTexts } from '../tracing/texts.ts';
import type { ModelMap } from './model-map.ts';
import { readTensor } from './module-tensors.ts';
import { TypedModel } from './typed-model.ts';

/**
 * The texts at an address of a model, for a block; null where there are none. A graph computes with numbers, so that what
 * comes back of a run is the numbers that the texts are made of, and the model's own last nodes make them after it.
 * @param inputs what the forward is given, once it has run
 */
export function readTexts(
  forward: TracedForward,
  address: Address,
  inputs: () => ReadonlyMap<string, InputTensor>,
): object | null {
  const typed = TypedModel.of(forward);
  const { map } = typed;
  const { tensor } = map.locate(address);
  const model = map.model.plain;
  if (model.elementTypes.get(tensor) !== TEXTS || typed.isTyped(tensor)) return null;
  const tail = tailOf(model, tensor, (name) => typed.isTyped(name) && madeAt(map, name) !== null);
  if (!tail) return null;
  const texts = new Set(model.inputs.flatMap(({ name, element }) => (element === 'string' ? [name] : [])));
  const numbers = tail.given.filter((name) => !texts.has(name));
  const addresses = numbers.map((name) => madeAt(map, name) ?? enteringAt(map, name));
  if (!addresses.every((one) => one !== null)) return null;
  const name = address.path === '' ? `the model's ${address.port} ${tensor}` : `${address.path}.${address.port}`;
  const types = new Map(numbers.map((one, i) => [one, elementType(forward.resolve(addresses[i]!).type.dtype)]));
  return tracedTexts({
    name,
    parts() {
      if (builder().rows) {
        throw new TraceError(
          `${name} is a tensor of texts, which an invoke cannot save. Give the input a trace of its own.`,
          callerSite(),
        );
      }
      return addresses.map((one) => saveTensor(readTensor(forward, one)));
    },
    make(parts) {
      const given = tail.given.filter((one) => texts.has(one)).map((one) => [one, textInput(inputs().get(one)!)]);
      const feeds = Object.fromEntries([...numbers.map((one, i) => [one, fromTensor(parts[i] as Tensor)]), ...given]);
      return runTail(
        tailModel(model, tail, tensor, (one) => types.get(one) ?? TEXTS),
        feeds,
        tensor,
        map,
      );
    },
  });
}

/** Where the model makes a tensor, as an operation of its tree; null where it does not, and for constants. */
function madeAt({ model, tree }: ModelMap, tensor: string): Address | null {
  const node = model.plain.links.maker.get(tensor);
  const found = tree.operations.find((operation) => operation.node === node);
  if (!found) return null;
  const index = model.plain.graph.node[node!]!.output.filter((name) => name !== '').indexOf(tensor);
  return { path: operationPath('', found.name), port: 'output', index, call: 0 };
}

/** Where a tensor enters the model; null for one that does not, or that has no dtype. */
function enteringAt({ model, tree }: ModelMap, tensor: string): Address | null {
  const index = tree.calls[0]!.inputs.indexOf(tensor);
  const isOfNumbers = model.inputs.some(({ name, dtype }) => name === tensor && dtype !== null);
  return index >= 0 && isOfNumbers ? { path: '', port: 'input', index, call: 0 } : null;
}

function textInput({ dims, raw }: InputTensor): SessionTensor {
  return ort.tensor('string', dims, raw as readonly string[]);
}

function runTail(
  bytes: Uint8Array,
  feeds: Readonly<Record<string, SessionTensor>>,
  tensor: string,
  { model }: ModelMap,
): StringTensor {
  try {
    const session = ort.createSynchronousSession(bytes, 'all');
    try {
      return StringTensor.from(session.run(feeds, [tensor])[tensor]);
    } finally {
      session.release();
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ModelError(`${model.path} cannot make the texts of ${tensor}: ${plainText(message) || message}`, {
      cause: error,
    });
  }
}
