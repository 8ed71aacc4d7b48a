import { distance, guess, nearest } from '../nearest.ts';
import { ModelError } from '../onnx/error.ts';
import { namesNoModules } from './format.ts';
import { type Module, walk } from './module.ts';

/**
 * The module at a path written as PyTorch writes it: `transformer.h.0`, or with indices, which may count from the end:
 * `transformer.h[0]`, `transformer.h[-1]`. '' is the root. `inside` finds the child of a module by its name: the module's own children
 * unless given.
 * Throws a ModelError that names the nearest paths and what the module has instead.
 */
export function findModule(root: Module, path: string, inside: Inside = childOf): Module {
  let module = root;
  for (const part of pathParts(path)) {
    const child = inside(module, part);
    if (child === undefined) throw noModule(root, module, part, path);
    module = child;
  }
  return module;
}

type Inside = (module: Module, name: string) => Module | undefined;

/** `h[0].mlp` → h, 0, mlp. A dot in front is as good as none; between two others it leaves a part without a name. */
export function pathParts(path: string): string[] {
  const dotted = path.replace(/\[(-?\d+)\]/g, '.$1').replace(/^\.(?=[^.])/, '');
  return dotted === '' ? [] : dotted.split('.');
}

/** The child of a name; in a list also by its number counted from the end. */
export function childOf(module: Module, name: string): Module | undefined {
  const isCounted = module.list && /^-\d+$/.test(name);
  return module.children.get(isCounted ? String(module.children.size + Number(name)) : name);
}

/** The error for a path whose `part` is not in `module`; `members` are other names that its end could mean. */
export function noModule(
  root: Module,
  module: Module,
  part: string,
  path: string,
  members: Iterable<string> = [],
): ModelError {
  return new ModelError(missing(root, module, part, path, members));
}

function missing(root: Module, module: Module, part: string, path: string, members: Iterable<string>): string {
  const where = module.path === '' ? 'the model' : module.path;
  if (/^-?\d+$/.test(part) && module.list) {
    return `no module ${path}: ${where} has ${module.children.size} children, so its indices run from ${-module.children.size} to ${module.children.size - 1}`;
  }
  if (/[.[]/.test(part)) return `no module ${path}: a name has no dots or brackets; a path is read with get('${part}')`;
  const isLast = path === part || path.endsWith(`.${part}`);
  const named = pathParts(path).filter((one) => one !== '');
  // Of a dot without a name behind it, the path without the dot is meant.
  const near =
    part === ''
      ? named.slice(0, 1).map(() => named.join('.'))
      : [
          ...(isLast ? nearest(part, members) : []).map((name) => `.${name}`),
          ...nearestPaths(root, module, part, path),
        ];
  const names = [...module.children.keys()];
  if (root.children.size === 0) return `no module ${path}: ${namesNoModules(root)}`;
  const there = names.length === 0 ? `${where} has no modules in it` : `${where} has ${names.join(', ')}`;
  return `no module ${path}: ${there}${guess(near)}`;
}

/** Up to three paths close to the one asked for: children with a similar name first, then the same last part elsewhere. */
function nearestPaths(root: Module, module: Module, part: string, path: string): string[] {
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
