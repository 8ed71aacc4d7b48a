import type { InterventionGraph } from '../graph/graph.ts';
import type { Address } from '../graph/ops.ts';
import type { DType } from '../graph/types.ts';
import { isFilledIn } from '../inputs/convention.ts';
import { prepareInputs } from '../inputs/prepare.ts';
import type { InputData } from '../inputs/signature.ts';
import { InputError, type Inputs } from '../inputs/signature.ts';
import { Dependencies, type Vertex } from '../lowering/dependencies.ts';
import type { ModelTensor } from '../onnx/model-tensor.ts';
import { type InputTensor, StringTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { ModelMap } from './model-map.ts';

/** A value that replaces a module's output from the beginning: the nodes that compute it do not run. */
export interface Activation {
  readonly address: Address;
  readonly value: Tensor;
}

/** What is given for a module. */
interface Given<T> {
  readonly address: Address;
  readonly value: T;
}

/** The values that a trace starts from. */
export interface Start {
  /** All inputs, with stand-ins for those that are not given: only their sizes count. */
  readonly inputs: ReadonlyMap<string, InputTensor>;
  readonly standIns: readonly string[];
  readonly activations: readonly Activation[];
}

/**
 * Tells inputs from activations: `{ 'transformer.h.5.output': saved }` starts in the middle of the model. Inputs that
 * nothing needs any more may then be left out; sizes are taken from the activations.
 */
export function startOf(map: ModelMap, given: Inputs): Start | Promise<Start> {
  const { own, places } = withoutActivations(map, given);
  if (places.length > 0) return startInside(map, own, places);
  return { inputs: prepareInputs(map.model, given), standIns: [], activations: [] };
}

/** The start of a trace in the middle of the model. */
async function startInside(map: ModelMap, own: Inputs, places: readonly Given<Inputs[string]>[]): Promise<Start> {
  const { model } = map;
  const activations = places.map(({ address, value }) => ({ address, value: Tensor.from(value as number[]) }));
  const sizes = await sizesOf(map, activations);
  const standIns = Object.fromEntries(
    model.inputs.flatMap((input) => {
      const isLeftOut = own[input.name] === undefined && !isFilledIn(input);
      return isLeftOut ? [[input.name, standIn(input, sizes)] as const] : [];
    }),
  );
  const inputs = prepareInputs(model, { ...own, ...standIns });
  return { inputs, standIns: Object.keys(standIns), activations };
}

/** Throws an InputError if the elements of a stand-in, not only its size, count for something that is saved. */
export function checkStandIns(map: ModelMap, graph: InterventionGraph, standIns: readonly string[]): void {
  if (standIns.length === 0) return;
  const dependencies = new Dependencies(graph, [map]);
  const seen = new Set<Vertex>();
  const pending: Vertex[] = graph.saves.map(({ value }) => value.node!);
  while (pending.length > 0) {
    const vertex = pending.pop()!;
    if (seen.has(vertex)) continue;
    seen.add(vertex);
    const node = typeof vertex === 'number' ? map.model.graph.node[vertex]! : null;
    // A node that only asks for a size does not read the elements.
    if (node?.opType === 'Shape' || node?.opType === 'Size') continue;
    const name = node?.input.find((input) => standIns.includes(input));
    if (name !== undefined) {
      throw new InputError(
        `The input '${name}' is left out, but something that is saved depends on it beside the activations that are given. Give it, too, or save only what comes after them.`,
      );
    }
    for (const one of dependencies.needs(vertex)) pending.push(one);
  }
}

const PORT = /^(.+)\.(output|input)$/;

/** The inputs of a model among what is given, and the values that are given for modules by their paths. */
export function withoutActivations<T>(
  map: ModelMap,
  given: Readonly<Record<string, T>>,
): { own: Readonly<Record<string, T>>; places: Given<T>[] } {
  if (!Object.keys(given).some((key) => PORT.test(key))) return { own: given, places: [] };
  const names = new Set(map.model.inputs.map(({ name }) => name));
  const entries = Object.entries(given);
  const isOwn = (key: string) => names.has(key) || !PORT.test(key);
  const places = entries.flatMap(([key, value]) => (isOwn(key) ? [] : [{ address: addressOf(map, key), value }]));
  return { own: Object.fromEntries(entries.filter(([key]) => isOwn(key))), places };
}

function addressOf(map: ModelMap, key: string): Address {
  const [, path, port] = PORT.exec(key)!;
  const address: Address = { path: map.find(path!).path, port: port as 'output', index: 0, call: 0 };
  map.locate(address);
  return address;
}

/** The sizes that activations have, by the formulas of their dims. */
async function sizesOf(map: ModelMap, activations: readonly Activation[]): Promise<ReadonlyMap<string, number>> {
  const symbolic = await map.symbolic();
  const sizes = new Map<string, number>();
  for (const { address, value } of activations) {
    const { tensor } = map.locate(address);
    symbolic.formulas(tensor)?.forEach((formula, i) => {
      const [term, ...others] = formula?.terms ?? [];
      const isSymbol = term && others.length === 0 && term.symbols.length === 1 && formula!.constant === 0;
      const size = value.dims[i];
      if (isSymbol && size !== undefined) sizes.set(term.symbols[0]!, size / term.coefficient);
    });
  }
  return sizes;
}

/** Zeros of the size that an input would have. */
function standIn({ name, dtype, element, dims }: ModelTensor, sizes: ReadonlyMap<string, number>): InputData {
  const known = dims?.map((dim) => (typeof dim === 'number' ? dim : dim === null ? undefined : sizes.get(dim)));
  if (!known || known.includes(undefined)) {
    throw new InputError(
      `The input '${name}' is left out, and its size cannot be told from the activations that are given. Give it, too.`,
    );
  }
  const size = (known as number[]).reduce((a, b) => a * b, 1);
  if (element === 'string')
    return new StringTensor(
      known as number[],
      Array.from({ length: size }, () => ''),
    );
  const zeros = Array.from({ length: size }, () => 0);
  return Tensor.from(zeros, (dtype ?? 'float32') as DType as 'float32', known as number[]);
}
