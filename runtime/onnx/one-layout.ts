import { intAttribute, intsAttribute } from './attributes.ts';
import { added } from './branches/stands-for.ts';
import { CONTRIB } from './domains.ts';
import { FreshNames } from './fresh-names.ts';
import { makeAttribute, makeNode } from './make.ts';
import { changedNode, type GraphProto, type ModelProto, type NodeProto } from './proto.ts';
import { isTurnedBy } from './turned.ts';

/** A tensor that the exporter has made of another one by a transposition, in the file that an optimizer wrote. */
interface Turned {
  readonly tensor: string;
  readonly perm: readonly number[];
  /** Whether it is what the exporter had before a transposition was moved past its maker: all that was made of it begins there. */
  readonly isWhole: boolean;
}

/**
 * A model in which all that was made of a tensor is made of it again. ONNX Runtime's optimizer moves transpositions past the
 * nodes that read what they make, or into products, so that these read what stands before the transposition; others go
 * on to read what stands behind it, and a module's input or output with its dims in PyTorch's order is one of two ways then.
 * A node that reads what stands before it gets it from behind it here, turned back. ONNX Runtime leaves out both turns where
 * nobody looks between them.
 */
export function withOneLayout(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph?.node.some(({ opType, output }) => opType === 'Transpose' && isExporters(output[0]!))) return proto;
  const turned = turnedTensors(graph);
  const names = new FreshNames(graph);
  const node = graph.node.flatMap((one) => {
    const { opType, output } = one;
    const made: NodeProto[] = [];
    let read = one;
    one.input.forEach((tensor, index) => {
      const found = turned.get(tensor);
      // What is used of its size is right in any order.
      if (!found || output[0] === found.tensor || opType === 'Shape') return;
      const { perm } = found;
      if (opType === 'Transpose') {
        if (found.isWhole || !isExporters(output[0]!)) read = turnedFrom(found, one);
      } else if (swapsLast(perm) && turnsItself(one, index)) {
        read = unturnedProduct(read, index, found.tensor);
      } else if (found.isWhole || isTurnedBy(one)) {
        const back = names.beside(one, 'turned');
        const ints = perm.map((_, i) => perm.indexOf(i));
        made.push(added(makeNode('Transpose', [found.tensor], [back], { perm: { ints } }, back)));
        read = changedNode(read, { input: read.input.with(index, back) });
      }
    });
    return [...made, read];
  });
  return { ...proto, graph: { ...graph, node } };
}

/** By tensor that which was made of it by a transposition of the exporter's, where it is clear which one nodes were moved before. */
function turnedTensors({ node }: GraphProto): Map<string, Turned> {
  const all = new Map<string, Turned[]>();
  const moved = new Set(node.filter(isTurnedBy).flatMap(({ output }) => output));
  for (const one of node) {
    const [tensor, perm] = [one.output[0]!, intsAttribute(one, 'perm')];
    if (one.opType !== 'Transpose' || perm === null || !isExporters(tensor)) continue;
    const before = one.input[0]!;
    const isWhole = moved.has(before) && tensor === `${before}_output_0`;
    all.set(before, [...(all.get(before) ?? []), { tensor, perm, isWhole }]);
  }
  return new Map(
    [...all].flatMap(([before, some]) => {
      const whole = some.find(({ isWhole }) => isWhole);
      const found = whole ?? (some.length === 1 && !moved.has(before) ? some[0] : undefined);
      return found ? [[before, found] as const] : [];
    }),
  );
}

/** Whether a tensor has a name as TorchScript's exporter gives it. */
function isExporters(tensor: string): boolean {
  return /^\/.*_output_\d+$/.test(tensor);
}

/** A transposition of what stands before another one, as one of what stands behind that. */
function turnedFrom({ tensor, perm }: Turned, node: NodeProto): NodeProto {
  const own = intsAttribute(node, 'perm') ?? perm.map((_, i) => perm.length - 1 - i);
  const ints = own.map((from) => perm.indexOf(from));
  return changedNode(node, { input: [tensor], attribute: [makeAttribute('perm', { ints })] });
}

/** The attributes by which a product turns its inputs. */
const TURNS = ['transA', 'transB'] as const;

/** Whether a product turns one of its inputs, as ONNX Runtime has joined a transposition to it. */
export function turnsItself(node: NodeProto, index: number): boolean {
  const [turn, isBatch] = [TURNS[index], ['transBatchA', 'transBatchB'][index]];
  if (node.opType !== 'FusedMatMul' || node.domain !== CONTRIB || turn === undefined) return false;
  return intAttribute(node, turn) === 1 && intAttribute(node, isBatch!) !== 1;
}

/** A product that reads a tensor as it stands in the place of one that it turns. */
function unturnedProduct(node: NodeProto, index: number, tensor: string): NodeProto {
  const attribute = node.attribute.filter(({ name }) => name !== TURNS[index]);
  const read = changedNode(node, { input: node.input.with(index, tensor), attribute });
  const isPlain = attribute.every(({ name, i, f }) => (name === 'alpha' ? f === 1 : i === 0n));
  return isPlain ? changedNode(read, { opType: 'MatMul', domain: '', attribute: [] }) : read;
}

function swapsLast(perm: readonly number[]): boolean {
  const last = perm.length - 1;
  return perm.every((from, i) => from === (i < last - 1 ? i : 2 * last - 1 - i));
}
