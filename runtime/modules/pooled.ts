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
  const { graph, scopes } = context;
  const isPooling = (index: number) => {
    if (!POOLING.has(graph.node[index]!.opType)) return false;
    const within = scopes[index]!.modules.at(-1);
    return within === path || within === `${path}.pooler`;
  };
  const pooling = new Set([...own].filter(isPooling));
  // Few modules pool: what the others make need not be gone through.
  return pooling.size > 0 && outputs.every((output) => isPooled(path, output, own, pooling, context));
}

function isPooled(
  path: string,
  output: string,
  own: ReadonlySet<number>,
  pooling: ReadonlySet<number>,
  { links, scopes }: CallContext,
): boolean {
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
    pooled ||= pooling.has(index);
    open.push(...links.reads[index]!);
  }
  return pooled && layered;
}
