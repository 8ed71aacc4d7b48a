import type { CallContext } from './call-context.ts';

/** What makes one position of several. */
const POOLING = new Set(
  'AveragePool Gather GatherElements GatherND GlobalAveragePool GlobalMaxPool ReduceMax ReduceMean'.split(' '),
);

/**
 * Whether tensors that leave the module at `path` are pooled of what the last of its layers (modules in a numbered list)
 * makes, by the module itself or by its pooler. Of transformers' models that is the second output.
 */
export function arePooled(
  path: string,
  outputs: readonly string[],
  own: ReadonlySet<number>,
  context: CallContext,
): boolean {
  return outputs.every((output) => isPooled(path, output, own, context));
}

function isPooled(path: string, output: string, own: ReadonlySet<number>, context: CallContext): boolean {
  const { graph, links, scopes } = context;
  const isLayer = (index: number) =>
    scopes[index]!.modules.some((one) => one.startsWith(`${path}.`) && /\.\d+$/.test(one));
  const found = new Set<number>();
  let pooled = false;
  let layered = false;
  const open = [output];
  for (let tensor = open.pop(); tensor !== undefined; tensor = open.pop()) {
    const index = links.maker.get(tensor) ?? -1;
    if (!own.has(index) || found.has(index) || links.structural.has(tensor)) continue;
    found.add(index);
    if (isLayer(index)) {
      layered = true;
      continue;
    }
    const within = scopes[index]!.modules.at(-1);
    pooled ||= POOLING.has(graph.node[index]!.opType) && (within === path || within === `${path}.pooler`);
    open.push(...links.reads[index]!);
  }
  return pooled && layered;
}
