import type { NodeProto } from 'onnx-buf';
import { bodies } from './links.ts';

const RANDOM = new Set([
  'Bernoulli',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** Whether some nodes may give other results when they run again. */
export function isRandom(nodes: readonly NodeProto[]): boolean {
  return nodes.some((node) => RANDOM.has(node.opType) || bodies(node).some((body) => isRandom(body.node)));
}
