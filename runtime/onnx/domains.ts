/** The name of an operator set, '' for ONNX's own, which models may also write as `ai.onnx`. */
export function canonicalDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

/** Whether an operator is one of ONNX's own. */
export function isStandard({ domain }: { readonly domain: string }): boolean {
  return canonicalDomain(domain) === '';
}
