import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const entry = fileURLToPath(new URL('../../dist/runtime/index.d.ts', import.meta.url));

/** A declaration file, and all that it imports of this package. */
function reached(path: string, found = new Map<string, string>()): ReadonlyMap<string, string> {
  if (found.has(path)) return found;
  const text = readFileSync(path, 'utf8');
  found.set(path, text);
  for (const [, to] of text.matchAll(/(?:from|import\()\s?['"](\.[^'"]+)\.[jt]s['"]/g)) {
    reached(join(dirname(path), `${to}.d.ts`), found);
  }
  return found;
}

it('declarations ask for no types of Node: a project without @types/node checks them where skipLibCheck is off', () => {
  const files = reached(entry);
  expect(files.size).toBeGreaterThan(50);
  const asking = [...files].filter(([, text]) => /from 'node:|NodeJS\.|\bBuffer\b/.test(text));
  expect(asking.map(([path]) => path)).toEqual([]);
});
