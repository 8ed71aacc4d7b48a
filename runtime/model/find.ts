import { ModelError } from './error.ts';
import { type Module, walk } from './module.ts';

/**
 * The module at a path written as PyTorch writes it: `transformer.h.0`, or with indices, which may count from the end:
 * `transformer.h[0]`, `transformer.h[-1]`. '' is the root.
 * Throws a ModelError that names the nearest paths and what is there instead.
 */
export function findModule(root: Module, path: string): Module {
  let module = root;
  for (const part of pathParts(path)) {
    const child = module.children.get(part) ?? counted(module, part);
    if (child === undefined) throw new ModelError(missing(root, module, part, path));
    module = child;
  }
  return module;
}

function pathParts(path: string): string[] {
  return path
    .replace(/\[(-?\d+)\]/g, '.$1')
    .split('.')
    .filter((part) => part !== '');
}

/** The child at a negative index, counted from the end. */
function counted(module: Module, part: string): Module | undefined {
  if (!/^-\d+$/.test(part) || !module.list) return undefined;
  return module.children.get(String(module.children.size + Number(part)));
}

function missing(root: Module, module: Module, part: string, path: string): string {
  const where = module.path === '' ? 'the model' : module.path;
  if (/^-?\d+$/.test(part) && module.list) {
    return `no module ${path}: ${where} has ${module.children.size} children, so its indices run from ${-module.children.size} to ${module.children.size - 1}`;
  }
  const near = nearest(root, module, part, path);
  const names = [...module.children.keys()];
  const guess = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
  const there = names.length === 0 ? `${where} has no modules in it` : `${where} has ${names.join(', ')}`;
  return `no module ${path}: ${there}${guess}`;
}

/** Up to three paths close to the one asked for: children with a similar name first, then the same last part elsewhere. */
function nearest(root: Module, module: Module, part: string, path: string): string[] {
  const limit = Math.max(1, Math.floor(part.length / 3));
  const close = [...module.children.values()]
    .map((child) => ({ path: child.path, distance: distance(child.name.toLowerCase(), part.toLowerCase()) }))
    .filter((candidate) => candidate.distance <= limit);
  const elsewhere = [...walk(root)]
    .filter((candidate) => candidate.name === part)
    .map((candidate) => ({ path: candidate.path, distance: limit + distance(candidate.path, path) }));
  const sorted = [...close, ...elsewhere].sort((a, b) => a.distance - b.distance);
  return [...new Set(sorted.map((candidate) => candidate.path))].slice(0, 3);
}

/** How many letters must be put in, taken out, changed or swapped with their neighbour to make one word of another. */
function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= from.length; i++) {
    const above = rows[i - 1]!;
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = above[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwapped ? rows[i - 2]![j - 2]! + 1 : changed;
      row.push(Math.min(changed, swapped, above[j]! + 1, row[j - 1]! + 1));
    }
    rows.push(row);
  }
  return rows[from.length]![to.length]!;
}
