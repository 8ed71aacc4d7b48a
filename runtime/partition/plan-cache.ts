import type { Plan } from './plan.ts';

/** How a graph is run: as one session, in segments, in segments for what only reads, in the session with taps. */
export type Way = 'one' | 'segments' | 'read' | 'taps';

/** How many plans are kept for each way; the one used least recently goes first. */
const KEPT = 64;

interface Entry {
  /** Null where a graph cannot be run that way. */
  readonly plan: Plan | null;
  /** The version of the cuts that it was made for; null for a plan that runs the model whole. */
  readonly version: number | null;
}

/** Plans by the way in which they run, and by the structure of their graphs: keys are long, and are not joined for each run. */
export class PlanCache {
  private readonly ways = new Map<Way, Map<string, Entry>>();

  /** A plan that still holds while the cuts are at `version`; undefined for a graph of which none is known. */
  get(way: Way, key: string, version: number | null): Plan | null | undefined {
    const entry = this.ways.get(way)?.get(key);
    if (!entry || (entry.version !== null && entry.version !== version)) return undefined;
    this.set(way, key, entry.plan, entry.version);
    return entry.plan;
  }

  set(way: Way, key: string, plan: Plan | null, version: number | null): void {
    const entries = this.ways.get(way) ?? new Map<string, Entry>();
    this.ways.set(way, entries);
    // The newest stand last.
    entries.delete(key);
    entries.set(key, { plan, version });
    if (entries.size > KEPT) entries.delete(entries.keys().next().value!);
  }
}
