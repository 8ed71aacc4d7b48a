import type { Plan } from './plan.ts';

/** How many plans are kept; the one used least recently goes first. */
const KEPT = 64;

interface Entry {
  /** Null where a graph cannot be run that way. */
  readonly plan: Plan | null;
  /** The version of the cuts that it was made for; null for a plan that runs the model whole. */
  readonly version: number | null;
}

/** Plans by the structure of their graphs. */
export class PlanCache {
  private readonly entries = new Map<string, Entry>();

  /** A plan that still holds while the cuts are at `version`; undefined for a graph of which none is known. */
  get(key: string, version: number | null): Plan | null | undefined {
    const entry = this.entries.get(key);
    if (!entry || (entry.version !== null && entry.version !== version)) return undefined;
    this.set(key, entry.plan, entry.version);
    return entry.plan;
  }

  set(key: string, plan: Plan | null, version: number | null): void {
    // The newest stand last.
    this.entries.delete(key);
    this.entries.set(key, { plan, version });
    if (this.entries.size > KEPT) this.entries.delete(this.entries.keys().next().value!);
  }
}
