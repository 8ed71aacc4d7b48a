/** What keys are made of. */
export type KeyPart = string | number | boolean | null | undefined | object;

/**
 * One text for the parts of a key. Other parts make another text, whatever stands in names: each part is written with its
 * length, so that none can pass for the beginning of the next.
 */
export function keyOf(...parts: readonly KeyPart[]): string {
  let text = '';
  for (const part of parts) text += written(part);
  return text;
}

function written(part: KeyPart): string {
  if (typeof part === 'string') return `${part.length}:${part}`;
  const text = JSON.stringify(part) ?? '';
  return `=${text.length}:${text}`;
}
