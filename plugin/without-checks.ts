import type { Rewritten } from './rewrite.ts';

/**
 * Lowered TypeScript that a loader which checks types takes without a word: they are those of the program that the user
 * wrote, which `tsc --noEmit` and the editor check.
 */
export function withoutChecks(rewritten: Rewritten, file: string): Rewritten {
  const { code, map } = rewritten;
  if (!/\.[cm]?tsx?$/.test(file) || code.startsWith('#!')) return rewritten;
  // the comment must be the first line, so that all others move down by one
  return { code: `// @ts-nocheck\n${code}`, map: { ...map, mappings: `;${map.mappings}` } };
}
