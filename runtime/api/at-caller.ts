import { TraceError } from '../errors.ts';
import { OperationError } from '../graph/operation.ts';
import { formatSite } from '../graph/site.ts';
import type { Site } from '../graph/types.ts';
import { InputError } from '../inputs/signature.ts';
import { ModelError } from '../onnx/error.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';

/**
 * Looks something up in a model. If it is not there, that is, inside a block, a TraceError at the user's line with the model's
 * own error as its cause; outside of one it is a ModelError that begins with the user's line.
 */
export function atCaller<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof ModelError || error instanceof OperationError)) throw error;
    const target = activeBuilder();
    if (!target) {
      const site = callerSite();
      throw site ? new ModelError(`${formatSite(site)} - ${error.message}`) : error;
    }
    // Reading a property does not set the builder's site, which is still that of the node before.
    throw new TraceError(error.message, callerSite() ?? target.site, { cause: error });
  }
}

/** Prepares inputs that stand in a block: an InputError begins with the line that gave them. */
export function givenAt<T>(site: () => Site | null, prepare: () => T): T {
  try {
    return prepare();
  } catch (error) {
    throw placed(error, site);
  }
}

/** The same for what takes some time. */
export function placedLater<T>(prepared: Promise<T>, site: () => Site | null): Promise<T> {
  return prepared.catch((error) => {
    throw placed(error, site);
  });
}

/** Opens a model: a ModelError begins with the line that asks for it. */
export async function openedAt<T>(site: () => Site | null, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const found = error instanceof ModelError ? site() : null;
    throw found ? new ModelError(`${formatSite(found)} - ${(error as Error).message}`, { cause: error }) : error;
  }
}

/** An error of inputs with the line that gave them; other errors as they are. */
function placed(error: unknown, site: () => Site | null): unknown {
  if (!(error instanceof InputError)) return error;
  const found = site();
  return found ? new InputError(`${formatSite(found)} - ${error.message}`) : error;
}
