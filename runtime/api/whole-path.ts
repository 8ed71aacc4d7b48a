import type { ModuleEnvoy } from './module-envoy.ts';
import { join } from './names.ts';

/** The path of a module from a whole model, also in one that is attached there; undefined if it is of neither. */
export function wholePath(root: ModuleEnvoy, { map, path, standing }: ModuleEnvoy): string | undefined {
  if (map === root.map) return path;
  const place = standing.place?.path ?? [...root.map.names.attached].find(([, { given }]) => given.map === map)?.[0];
  if (place === undefined) return undefined;
  return path === '' ? place : join(place, path);
}
