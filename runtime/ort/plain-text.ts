/** A message without the places in ONNX Runtime's own source. */
export function plainText(message: string): string {
  return message
    .replace(/^.*Status Message: /s, '')
    .replace(/^Error: /, '')
    .replace(/\/onnxruntime_src\/\S+ .*?(\[with [^\]]*\]|\)(?: const)?(?= [A-Za-z]))\s*/gs, '')
    .trim();
}
