import type { Address } from '../graph/ops.ts';
import type { DType } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import { dtypeName, isFloat } from '../onnx/dtypes.ts';
import { makeNode, makeValueInfo } from '../onnx/make.ts';
import { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { renameReads } from '../onnx/rename.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The names of a tap's inputs: where the mask is true, `add` goes on instead of the tensor, elsewhere `tensor * scale + add`. */
export interface Tap {
  readonly scale: string;
  readonly add: string;
  readonly mask: string;
  /** What goes on. */
  readonly value: string;
}

/** A model in which some tensors can be changed by inputs. Each is still there as the model computes it. */
export interface TappedModel {
  readonly model: OnnxModel;
  /** The number of each of its nodes in the original; null for those of taps. */
  readonly origins: readonly (number | null)[];
  /** The number that each node of the original has in it. */
  readonly numbers: readonly number[];
  /** By the tensor that they change. */
  readonly taps: ReadonlyMap<string, Tap>;
  /** What their inputs are fed where nothing is to change. */
  readonly idle: ReadonlyMap<string, Tensor>;
  /** Finds the tensors and scopes that the addresses of the original lead to, and a tap's inputs by `tapAddress`. */
  readonly locate: Locate;
}

/** Whether a tensor can have a tap: a float that nodes make for others, and that is no result of the model itself. */
export function canBeTapped({ links, elementTypes }: OnnxModel, tensor: string): boolean {
  const isPassed = links.maker.has(tensor) && links.readers.has(tensor) && !links.outputs.has(tensor);
  const type = elementTypes.get(tensor);
  return isPassed && !links.constant.has(tensor) && isFloat(type) && dtypeName(type!) !== null;
}

/**
 * Gives a model taps at some tensors.
 * @param rankOf the number of dimensions of a tensor, if it is known: with it ONNX Runtime can simplify what comes after
 */
export function tappedModel(
  model: OnnxModel,
  locate: Locate,
  tensors: readonly string[],
  rankOf: (tensor: string) => number | null,
): TappedModel {
  const { graph, links, proto, elementTypes } = model;
  const taps = new Map<string, Tap>();
  const idle = new Map<string, Tensor>();
  const after = new Map<number, NodeProto[]>();
  const input = [...graph.input];
  for (const [i, tensor] of tensors.entries()) {
    const name = (part: string) => `onnsight/tap_${i}/${part}`;
    const tap = { scale: name('scale'), add: name('add'), mask: name('mask'), value: name('value') };
    const float = dtypeName(elementTypes.get(tensor)!)!;
    taps.set(tensor, tap);
    const rank = rankOf(tensor);
    const declare = (one: string, dtype: DType, value: number | boolean) => {
      input.push(makeValueInfo(one, dtype, rank === null ? null : Array<null>(rank).fill(null)));
      idle.set(one, Tensor.from([value] as number[], dtype, Array<number>(rank ?? 0).fill(1)));
    };
    declare(tap.scale, float, 1);
    // Not even a -0 is changed by adding -0.
    declare(tap.add, float, -0);
    declare(tap.mask, 'bool', false);
    const maker = links.maker.get(tensor)!;
    const nodes = after.get(maker) ?? [];
    after.set(maker, nodes);
    nodes.push(
      makeNode('Mul', [tensor, tap.scale], [name('scaled')], {}, name('Mul')),
      makeNode('Add', [name('scaled'), tap.add], [name('added')], {}, name('Add')),
      makeNode('Where', [tap.mask, tap.add, name('added')], [tap.value], {}, name('Where')),
    );
  }
  const changed = new Set(tensors.flatMap((tensor) => links.readers.get(tensor)!));
  const node: NodeProto[] = [];
  const origins: (number | null)[] = [];
  const numbers: number[] = [];
  graph.node.forEach((one, index) => {
    node.push(changed.has(index) ? renameReads(one, (tensor) => taps.get(tensor)?.value ?? tensor) : one);
    origins.push(index);
    numbers.push(node.length - 1);
    for (const own of after.get(index) ?? []) {
      node.push(own);
      origins.push(null);
    }
  });
  return {
    model: new OnnxModel({ ...proto, graph: { ...graph, node, input } }, model),
    origins,
    numbers,
    taps,
    idle,
    locate: (address) => {
      if (idle.has(address.path)) return { tensor: address.path, nodes: [], inputs: [], outputs: [] };
      const found = locate(address);
      return address.port === 'input' ? { ...found, nodes: found.nodes.map((index) => numbers[index]!) } : found;
    },
  };
}

/** The address of an input of a tap. */
export function tapAddress(input: string): Address {
  return { path: input, port: 'input', index: 0, call: 0 };
}
