const MENTION = /\bonnsight\b|use trace/;
const MARKER = /\b__o\b[^;\n]*\bonnsight\/operators\b/;

/** Whether the text is worth parsing: it mentions the library, and no other host has lowered it before. */
export function mayHaveBlocks(text: string): boolean {
  return MENTION.test(text) && !MARKER.test(text);
}
