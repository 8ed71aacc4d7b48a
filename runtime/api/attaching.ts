import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { pathParts } from '../modules/find.ts';
import { ModelError } from '../onnx/error.ts';
import type { InterventionOptions } from '../types/intervention.ts';
import { envoyOf, type ModuleEnvoy } from './module-envoy.ts';
import { join } from './names.ts';

type Declared = NonNullable<InterventionOptions['attach']>;

/**
 * What attaches the models that an intervention declares to the one that it runs on, where they are not yet.
 * @param site where they are declared: the line of every error
 */
export function attaching(declared: Declared, site: Site | null): (whole: ModuleEnvoy) => Promise<void> {
  // A model that cannot be loaded is an error of the run that waits for it, and not of the process before that.
  for (const given of Object.values(declared)) if (given instanceof Promise) given.catch(() => {});
  return async (whole) => {
    for (const [path, given] of Object.entries(declared)) {
      const other: unknown = await given;
      try {
        attachOnce(whole, path, other);
      } catch (error) {
        const isUnplaced = error instanceof ModelError || (error instanceof TraceError && error.site === null);
        throw isUnplaced ? new TraceError(error.message, site, { cause: error }) : error;
      }
    }
    await whole.map.symbolic();
  };
}

/** The first path at which nothing is attached yet; undefined if all models are there. */
export function notAttached(whole: ModuleEnvoy, declared: Declared): string | undefined {
  return Object.keys(declared).find((path) => {
    const { around, name } = placeOf(whole, path);
    return !around.map.names.attached.has(join(around.path, name));
  });
}

function placeOf(whole: ModuleEnvoy, path: string): { readonly around: ModuleEnvoy; readonly name: string } {
  const parts = pathParts(path);
  const name = parts.pop() ?? '';
  return { around: whole.within(parts.join('.')), name };
}

function attachOnce(whole: ModuleEnvoy, path: string, other: unknown): void {
  const given = envoyOf(other);
  if (given?.path !== '') {
    throw new TraceError(`The option attach has no model for '${path}': it takes what NNsight.load gives.`);
  }
  const { around, name } = placeOf(whole, path);
  const there = around.map.names.attached.get(join(around.path, name))?.given;
  if (there?.map === given.map) return;
  if (there) {
    throw new TraceError(
      `The intervention attaches ${given.map.model.path} as ${path}, where ${there.map.model.path} is attached already. Load the model again, or attach this one under another name.`,
    );
  }
  around.set(name, other);
}
