import { type Module, walk } from '../modules/module.ts';
import { ModelError } from '../onnx/error.ts';
import type { EnvoyClass } from '../types/model.ts';
import type { Names } from './names.ts';

/** Properties that the user's classes give to modules: a view of heads, say. */
export class Extensions {
  /** What the properties of a module are looked up in, the first one first. */
  readonly #of = new Map<Module, readonly object[]>();

  /** Throws a ModelError for a class that no module gets, and for names that are taken. */
  constructor(tree: Module, names: Names, envoys: Readonly<Record<string, EnvoyClass>> = {}) {
    for (const [key, given] of Object.entries(envoys)) {
      if (typeof given !== 'function' || !given.prototype) {
        throw new ModelError(
          `envoys: '${key}' is given ${typeof given === 'function' ? 'a function' : String(given)}, not a class`,
        );
      }
      const { prototype } = given;
      // A class says more than a path: its properties come first.
      const isOfClass = [...walk(tree)].some(({ className }) => className === key);
      const found = [...walk(tree)].filter((module) => (isOfClass ? module.className === key : isAt(module, key)));
      if (found.length === 0)
        throw new ModelError(`envoys: there is no module of the class '${key}', and none at such a path`);
      for (const module of found) {
        for (const name of namesOf(prototype)) {
          const taken = names.taken(module, name);
          if (taken)
            throw new ModelError(`envoys: ${module.path || 'the model'} cannot have a property '${name}': ${taken}`);
        }
        const others = this.#of.get(module) ?? [];
        this.#of.set(module, isOfClass ? [prototype, ...others] : [...others, prototype]);
      }
    }
  }

  get isEmpty(): boolean {
    return this.#of.size === 0;
  }

  /** The object that has a property of a module; undefined if no class gives it one. */
  holder(module: Module, name: string): object | undefined {
    return this.#of.get(module)?.find((prototype) => namesOf(prototype).includes(name));
  }
}

/** Whether a path is that of a module, or its end. */
function isAt({ path }: Module, end: string): boolean {
  return path === end || path.endsWith(`.${end}`);
}

/** The properties that a class and those it extends give to its instances. */
function namesOf(prototype: object): string[] {
  const names: string[] = [];
  for (let at = prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at).filter((name) => name !== 'constructor'));
  }
  return names;
}
