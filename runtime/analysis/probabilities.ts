import type { Envoy, OperationEnvoy } from '../index.ts';

/**
 * The operation that makes what attention weights values by: its softmax, or where that has a place more than there are values
 * (a sink, which takes a part of the attention and gives nothing), what cuts the place off behind it.
 */
export function probabilitiesIn({ ops }: Envoy): OperationEnvoy {
  const softmax = ops.Softmax!;
  const names = Object.keys(ops);
  const behind = names.slice(names.indexOf('Softmax') + 1).find((name) => !/^Cast(_|$)/.test(name));
  if (behind === undefined || !/^Slice(_|$)/.test(behind)) return softmax;
  const [all, cut] = [softmax.output.shape, ops[behind]!.output.shape];
  const isOneLess =
    cut.length === all.length &&
    cut.every((size: number, i: number) => size === all[i]! - (i === all.length - 1 ? 1 : 0));
  return isOneLess ? ops[behind]! : softmax;
}
