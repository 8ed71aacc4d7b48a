import { TraceError } from '../errors.ts';
import { pathParts } from '../modules/find.ts';
import { ownProxy, standsBehind } from '../own-proxies.ts';
import { PROBED_NAMES } from '../probed-names.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Cache } from '../types/tracer.ts';
import type { ModuleEnvoy } from './module-envoy.ts';
import { wholePath } from './whole-path.ts';

/** What is kept of a module: its tensors by name. */
type Entry = Readonly<Record<string, unknown>>;

/** What is kept of a module, under the name by which it was chosen. */
export interface Named {
  readonly name: string;
  readonly module: ModuleEnvoy;
  readonly entry: Entry;
}

/** What a cache holds; null if the value is no cache. */
export function keptOf(value: unknown): Kept | null {
  const stands = standsBehind(value);
  return stands instanceof Kept ? stands : null;
}

/**
 * What a cache keeps of modules, as users hold it: an object with an entry for each, by the name that was given, which is
 * reached by any other path of the module, too, and as modules are: `cache.transformer.h[0].output`.
 */
export class Kept {
  readonly proxy: Cache;
  readonly #root: ModuleEnvoy;
  /** In the order in which they were chosen; null until the block has ended. */
  #all: readonly Named[] | null = null;
  readonly #own: Record<string, unknown> = {};

  constructor(root: ModuleEnvoy) {
    this.#root = root;
    this.proxy = this.#view(root, this.#own, this) as Cache;
  }

  /** Fills it, at the end of the block. */
  fill(all: readonly Named[]): void {
    this.#all = all;
    for (const { name, module, entry } of all) {
      // A module may be called __proto__: an assignment would set something else.
      const value = this.#view(module, { ...entry });
      Object.defineProperty(this.#own, name, { value, enumerable: true, configurable: true, writable: true });
    }
  }

  get entries(): readonly Entry[] {
    return (this.#all ?? []).map(({ entry }) => entry);
  }

  /** The same with other entries in their places. */
  with(change: (entry: Entry) => Entry): Cache {
    const changed = new Kept(this.#root);
    changed.fill((this.#all ?? []).map((one) => ({ ...one, entry: change(one.entry) })));
    return changed.proxy;
  }

  /** What is kept of a module and of those in it. */
  #view(module: ModuleEnvoy, own: Record<string, unknown>, stands?: object): object {
    return ownProxy(
      own,
      {
        get: (target, key) => {
          if (typeof key === 'symbol' || Object.hasOwn(target, key)) return Reflect.get(target, key);
          if (PROBED_NAMES.has(key)) return Reflect.get(target, key);
          if (!this.#all) {
            throw new TraceError(
              `'${key}' of a cache is read in the block, but a cache is filled when the block has ended. Return it, and read it then.`,
              callerSite(),
            );
          }
          return this.#below(module, pathParts(key)) ?? Reflect.get(target, key);
        },
        has: (target, key) =>
          Reflect.has(target, key) || (typeof key === 'string' && this.#below(module, pathParts(key)) !== undefined),
      },
      stands,
    );
  }

  #below(module: ModuleEnvoy, parts: readonly string[]): object | undefined {
    let at: ModuleEnvoy | undefined = module;
    for (const part of parts) at = at?.inner(part);
    if (!at || at === module) return undefined;
    const all = this.#all ?? [];
    const path = wholePath(this.#root, at);
    const paths = all.map((one) => wholePath(this.#root, one.module));
    const entry = all[paths.indexOf(path)]?.entry;
    return entry || paths.some((one) => one?.startsWith(`${path}.`)) ? this.#view(at, { ...entry }) : undefined;
  }
}
