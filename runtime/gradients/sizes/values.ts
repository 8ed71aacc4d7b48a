import { intAttribute, intsAttribute, tensorAttribute } from '../../onnx/attributes.ts';
import type { NodeProto } from '../../onnx/proto.ts';
import { smallNumbers } from '../../onnx/small-numbers.ts';
import type { Facts } from '../facts.ts';
import type { Sizes } from './rule.ts';

/** The elements of the small tensor of integers that a node makes of sizes and constants; null where there is none. */
export function inferValue(node: NodeProto, facts: Facts): Sizes | null {
  const value = (i: number) => facts.value(node.input[i] ?? '');
  switch (node.opType) {
    case 'Constant':
      return constantNumbers(node);
    case 'Shape':
      return sizesTaken(node, facts);
    case 'Identity':
    case 'Cast':
    case 'Unsqueeze':
    case 'Squeeze':
    case 'Reshape':
      return value(0);
    case 'Gather': {
      const [from, indices] = [value(0), facts.numbers(node.input[1] ?? '')];
      const taken = from && indices?.map((index) => from.at(index));
      return taken?.every((one) => one !== undefined) ? (taken as Sizes) : null;
    }
    case 'Slice': {
      const [start] = facts.numbers(node.input[1] ?? '') ?? [];
      const [end] = facts.numbers(node.input[2] ?? '') ?? [];
      const [step] = node.input[4] ? (facts.numbers(node.input[4]) ?? []) : [1];
      return step === 1 && start !== undefined && end !== undefined ? (value(0)?.slice(start, end) ?? null) : null;
    }
    case 'Concat': {
      const parts = node.input.map((_, i) => value(i));
      return parts.every((part) => part !== null) ? parts.flatMap((part) => part!) : null;
    }
    default:
      return null;
  }
}

/** The sizes that a Shape tells, of all dimensions or of some. */
export function sizesTaken(node: NodeProto, facts: Facts): Sizes | null {
  const dims = facts.dims(node.input[0]!);
  return dims?.slice(intAttribute(node, 'start') ?? 0, intAttribute(node, 'end') ?? undefined) ?? null;
}

function constantNumbers(node: NodeProto): readonly number[] | null {
  const value = tensorAttribute(node, 'value');
  if (value) return smallNumbers(value);
  const one = intAttribute(node, 'value_int');
  return one === null ? intsAttribute(node, 'value_ints') : [one];
}
