import type { Node } from '../graph/types.ts';

/** With more conditionals and loops than this, the passes of ONNX Runtime over a model take longer than the rest of its run. */
const MANY = 200;

/** Whether ONNX Runtime is to simplify a model with these nodes: its time grows with the square of the number of bodies. */
export function isWorthSimplifying(nodes: readonly Node[]): boolean {
  return nodes.filter(({ regions }) => regions.length > 0).length <= MANY;
}
