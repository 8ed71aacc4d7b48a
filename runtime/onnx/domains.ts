/** The operator set of ONNX Runtime's own operators. */
export const CONTRIB = 'com.microsoft';

/** That of its operators on tensors whose channels stand in blocks, as one kind of processor likes them. */
export const BLOCKED = 'com.microsoft.nchwc';

/**
 * The name of an operator set, '' for ONNX's own, which models may also write as `ai.onnx`. A node that was copied by its
 * fields has none, as protobuf keeps what is not written in the prototype.
 */
export function canonicalDomain(domain: string | undefined): string {
  return domain === undefined || domain === 'ai.onnx' ? '' : domain;
}

/** Whether an operator is one of ONNX's own. */
export function isStandard({ domain }: { readonly domain?: string }): boolean {
  return canonicalDomain(domain) === '';
}
