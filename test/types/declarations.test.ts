import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';

const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  exports: Record<string, { types?: string }>;
};
const entries = Object.entries(exports).flatMap(([name, { types }]) => (types ? [[name, types] as const] : []));

/** Plugins are those of other packages. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  './unplugin': ['unplugin'],
  './vite': ['vite'],
};

/** The packages whose declarations are read with those of an entry, by name. */
function packagesOf(entry: string): string[] {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const waiting = [join(ROOT, entry)];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, named] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)) {
      if (named!.startsWith('.')) waiting.push(declarationsOf(join(dirname(file), named!)));
      else packages.add(named!);
    }
  }
  return [...packages].sort();
}

function declarationsOf(module: string): string {
  return [module.replace(/\.([cm]?)[jt]s$/, '.d.$1ts')].find((file) => existsSync(file)) ?? module;
}

it.each(entries)('the types of %s need no other package than the known ones', (name, types) => {
  expect(packagesOf(types)).toEqual(KNOWN[name] ?? []);
});
