import { TraceError } from '../errors.ts';
import { OperationError } from '../graph/operation.ts';
import { ModelError } from '../model/error.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';

/**
 * Looks something up in a model. What is not there is, inside a block, a TraceError at the user's line with the model's
 * own error as its cause; outside of one the error stays what it is.
 */
export function atCaller<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    const target = activeBuilder();
    if (!target || !(error instanceof ModelError || error instanceof OperationError)) throw error;
    // Reading a property leaves no site behind: the builder's is that of the step before.
    throw new TraceError(error.message, callerSite() ?? target.site, { cause: error });
  }
}
