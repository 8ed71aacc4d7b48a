import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Backend } from '../types/backend.ts';
import type { TraceOptions } from '../types/model.ts';
import { defaultBackend } from './remote.ts';

/** The backend that options choose; null is this process. Throws a TraceError at the user's line for two, or none that is there. */
export function chosenBackend(
  call: string,
  { backend, remote }: Pick<TraceOptions, 'backend' | 'remote'>,
): Backend | null {
  if (!remote) return backend ?? null;
  if (backend) throw new TraceError(`${call} takes either a backend or remote: true.`, callerSite());
  return defaultBackend();
}
