import { intAttribute } from './attributes.ts';
import { isGroupQueryAttention } from './group-query.ts';
import type { OnnxModel } from './model.ts';
import type { ModelTensor } from './model-tensor.ts';

/**
 * The inputs of a model, with the length of those of the key-value cache that slide (GroupQueryAttention with
 * `sliding_window_cache`): their operator drops what has left the window, and wants room for the whole window from the first
 * token on.
 */
export function withWindows(inputs: readonly ModelTensor[], { graph }: OnnxModel): readonly ModelTensor[] {
  const windows = new Map<string, number>();
  for (const node of graph.node) {
    if (!isGroupQueryAttention(node) || !intAttribute(node, 'sliding_window_cache')) continue;
    const window = intAttribute(node, 'local_window_size') ?? 0;
    if (window > 0) for (const name of node.input.slice(3, 5)) windows.set(name, window);
  }
  if (windows.size === 0) return inputs;
  return inputs.map((input) => {
    const window = windows.get(input.name);
    const [batch, heads, length, size] = input.dims ?? [];
    if (window === undefined || size === undefined || typeof length === 'number') return input;
    return { ...input, dims: [batch!, heads!, window, size], window };
  });
}
