import { walk } from '../modules/module.ts';
import { ModelError } from '../onnx/error.ts';
import { Envoy } from './envoy.ts';
import type { ModelMap } from './locate.ts';

/** Other names of modules, one or several each. */
export type Rename = Readonly<Record<string, string | readonly string[]>>;

/**
 * Paths of modules by the other names that they get: a path (`transformer.h`) gets them at the top of the model, a bare
 * name (`mlp`) wherever a module has it. Throws a ModelError for a module that is not there and for a name that is taken.
 */
export function aliasesOf(map: ModelMap, rename: Rename): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>();
  const top = new Envoy(map, '');
  const paths = [...walk(map.tree)].map(({ path }) => path);
  for (const [from, names] of Object.entries(rename)) {
    const isBare = !from.includes('.');
    const found = isBare ? paths.filter((path) => path.split('.').at(-1) === from) : [map.find(from).path];
    if (found.length === 0) map.find(from);
    for (const name of [names].flat()) {
      for (const path of found) {
        const alias = isBare ? [...path.split('.').slice(0, -1), name].join('.') : name;
        if (name in top || paths.includes(alias) || map.parameters.has(alias)) {
          throw new ModelError(
            `rename: ${path} cannot be called ${alias} as well, since that is something else already`,
          );
        }
        aliases.set(alias, path);
      }
    }
  }
  return aliases;
}
