import type { Kind } from './kinds.ts';

/**
 * A name for each kind that a TypeScript type can have, all different: `rootName` for the first, else the module's
 * class in Python, else the end of its path (`attn.c_proj` → `CProj`), with as much of the path in front as it takes to
 * tell it from the others. `taken` are names that stand for something else.
 */
export function kindNames(kinds: readonly Kind[], rootName: string, taken: Iterable<string>): Map<Kind, string> {
  const used = new Set([...taken, rootName]);
  const names = new Map<Kind, string>();
  for (const [i, kind] of kinds.entries()) {
    const name = i === 0 ? rootName : freeName(candidates(kind), used);
    used.add(name);
    names.set(kind, name);
  }
  return names;
}

/** `toy-gpt2` → `ToyGpt2` */
export function typeName(text: string): string {
  const words = text.split(/[^\p{ID_Continue}$]+|_+/u).filter((word) => word !== '');
  const joined = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return /^[\p{ID_Start}$]/u.test(joined) ? joined : `_${joined}`;
}

function freeName(candidates: readonly string[], used: ReadonlySet<string>): string {
  const free = candidates.find((name) => !used.has(name));
  if (free !== undefined) return free;
  for (let number = 2; ; number++) {
    const name = `${candidates.at(-1)}_${number}`;
    if (!used.has(name)) return name;
  }
}

/** Names from the shortest to the one with the whole path. */
function candidates({ modules }: Kind): string[] {
  const { path, className } = modules[0]!;
  const parts = path.split('.');
  // A module in a list has no name of its own: `transformer.h.0` is an HItem.
  const isItem = /^\d+$/.test(parts.at(-1)!);
  const named = parts.filter((part) => !/^\d+$/.test(part)).map(typeName);
  const end = className === null ? (isItem ? 'Item' : '') : typeName(className);
  const shortest = className === null ? 1 : 0;
  return Array.from({ length: named.length + 1 }, (_, i) => named.slice(named.length - i).join('') + end)
    .slice(Math.min(shortest, named.length))
    .map((name) => name || 'Item');
}
