import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judge } from './fuzz/verdict.ts';

const page = readFileSync(new URL('../../docs/blocks.md', import.meta.url), 'utf8');

/** The rows of the manual's tables: what is tried, the program, and what is said of it. */
const rows = [...page.matchAll(/^\| (.+?) \| `(return .+|[a-z].+;)` \| (followed|refused) \|$/gm)].map(
  ([, construct, example, said]) => ({ construct: construct!, body: example!.replace(/\\([|`])/g, '$1'), said: said! }),
);

describe('what the manual says of a block', () => {
  it('is tried row by row', () => {
    expect(rows).toHaveLength([...page.matchAll(/\| (followed|refused) \|$/gm)].length);
  });

  it.each(rows)('$construct: $said', async ({ body, said }) => {
    const { kind, ends } = await judge(`function run({ T, V, library, Cell, counter }) { ${body} }`);
    expect(kind, JSON.stringify(ends)).toBe(said === 'followed' ? 'equal' : 'refused');
  });
});
