import type { TensorType } from '../graph/types.ts';
import { isStandard } from '../onnx/domains.ts';
import type { Links } from '../onnx/links.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { isElementwiseOperator } from './elementwise.ts';

/** Operators whose result has a known rank wherever their inputs have one. Elementwise operators are another rule's. */
const TOLD_BY_RANKS: ReadonlySet<string> = new Set('ArgMax ArgMin Constant Gather MatMul Shape Size'.split(' '));

/** Operators whose result has a known rank where an input that is a constant tells it (a shape, axes), and which input. */
const TOLD_BY_VALUE: ReadonlyMap<string, number> = new Map([
  ['ConstantOfShape', 0],
  ['Expand', 1],
  ['ReduceL1', 1],
  ['ReduceL2', 1],
  ['ReduceLogSum', 1],
  ['ReduceLogSumExp', 1],
  ['ReduceMax', 1],
  ['ReduceMean', 1],
  ['ReduceMin', 1],
  ['ReduceProd', 1],
  ['ReduceSum', 1],
  ['ReduceSumSquare', 1],
  ['Reshape', 1],
  ['Squeeze', 1],
  ['Unsqueeze', 1],
]);

/**
 * ONNX Runtime's metadata does not tell a scalar from a tensor of unknown rank: both have no dimensions.
 * These are the tensors that may be either: all without dimensions, but those of operators that are known to tell.
 */
export class PerhapsScalars {
  private readonly links: Links;
  private readonly found: ReadonlyMap<string, TensorType>;
  private readonly doubtful = new Set<string>();

  /** @param found what ONNX Runtime has told by now */
  constructor(links: Links, found: ReadonlyMap<string, TensorType>) {
    this.links = links;
    this.found = found;
  }

  /** What a node makes is in `found` now, where ONNX Runtime has told it. Nodes are added in their order. */
  add(node: NodeProto, index: number): void {
    const { reads, constant } = this.links;
    const isDoubtful = !tellsRank(node, constant) || reads[index]!.some((name) => this.doubtful.has(name));
    if (!isDoubtful) return;
    // What has no dtype hands doubt on.
    for (const name of node.output) if ((this.found.get(name)?.shape?.length ?? 0) === 0) this.doubtful.add(name);
  }

  has(name: string): boolean {
    return this.doubtful.has(name) && this.found.get(name)?.shape?.length === 0;
  }

  get all(): string[] {
    return [...this.doubtful].filter((name) => this.has(name));
  }
}

function tellsRank(node: NodeProto, constant: Links['constant']): boolean {
  if (!isStandard(node)) return false;
  const telling = TOLD_BY_VALUE.get(node.opType);
  if (telling !== undefined) return constant.has(node.input[telling] ?? '');
  return TOLD_BY_RANKS.has(node.opType) || isElementwiseOperator(node.opType);
}
