import type { NodeProto } from '../onnx/proto.ts';

/** A parameter of a linear layer: its path, and the initializer that has its numbers. */
interface Parameter {
  readonly path: string;
  readonly initializer: string;
}

/**
 * The parameter that a node of onnxruntime-genai's builder reads: it names what it has made of one after the node,
 * `lm_head.MatMul.weight` in `/lm_head/MatMul` and `lm_head.Add.bias` in `/lm_head/Add`. Null for other nodes.
 */
export function namedAfterNode({ opType, name, input }: NodeProto): Parameter | null {
  const kind = { MatMul: 'weight', Add: 'bias' }[opType];
  if (kind === undefined || !name.startsWith('/') || !name.endsWith(`/${opType}`)) return null;
  const initializer = `${name.slice(1).replaceAll('/', '.')}.${kind}`;
  if (!input.includes(initializer)) return null;
  return { path: initializer.replace(`.${opType}.${kind}`, `.${kind}`), initializer };
}

/**
 * The path of the weight that the builder's quantizer has rounded under the name of its product: `lm_head.weight` of
 * `lm_head.MatMul.weight`, where `/lm_head/MatMul_Q4` reads that. Null for other nodes.
 */
export function builtFrom(path: string, { name }: NodeProto): string | null {
  const module = /^(.+)\.MatMul\.weight$/.exec(path)?.[1];
  // Layers are numbered behind a dot in the names of nodes, too.
  return module !== undefined && name.slice(1).replaceAll('/', '.').startsWith(`${module}.MatMul`)
    ? `${module}.weight`
    : null;
}
