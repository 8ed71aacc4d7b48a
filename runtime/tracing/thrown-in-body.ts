import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { siteOfError } from './caller.ts';

/** The lines of the `throw`s that stand in bodies, by what they throw. */
const sites = new WeakMap<object, Site>();

export function noteThrow(thrown: unknown, site: Site): void {
  if (typeof thrown === 'object' && thrown !== null) sites.set(thrown, site);
}

/** What leaves the body of a conditional or loop, where a graph can throw nothing: only the run tells whether it comes to that. */
export function thrownInBody(thrown: unknown, site: Site | null): TraceError {
  if (thrown instanceof TraceError) return thrown;
  const noted = typeof thrown === 'object' && thrown !== null ? sites.get(thrown) : undefined;
  const at = noted ?? (thrown instanceof Error ? siteOfError(thrown) : null) ?? site;
  return new TraceError(
    `${named(thrown)} is thrown out of a branch or loop that depends on a traced value: while the model runs nothing can be thrown. Catch it there, or save the condition and throw after the trace.`,
    at,
    { cause: thrown },
  );
}

function named(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'A value';
  return thrown.message === '' ? thrown.name : `${thrown.name} (${thrown.message})`;
}
