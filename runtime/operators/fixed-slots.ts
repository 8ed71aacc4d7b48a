import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isSame, type Slot } from '../tracing/journal.ts';
import { SavedProxy } from '../tracing/saves.ts';
import { MISSING } from '../tracing/slots.ts';

/**
 * Refuses a slot that depends on the run but cannot hold a value of the graph: the keys of an object, the elements of a Set.
 * @param where the cause: `in a branch that depends on a traced condition`
 * @throws TraceError if the slot would be one or the other
 */
export function checkFixed(slot: Slot, one: unknown, other: unknown, where: string, site: Site | null): void {
  const [absent, present] = one === MISSING ? [one, other] : [other, one];
  // A saved value is undefined after the run where its branch did not run, wherever it was put.
  const comesAndGoes = absent === MISSING && present !== MISSING && !(present instanceof SavedProxy);
  if (!comesAndGoes && (!slot.fixed || isSame(slot, one, other))) return;
  const what = comesAndGoes ? `'${slot.name}' of an object, Map or Set comes or goes` : slot.fixed;
  throw new TraceError(
    `What is there can depend on no traced value, only what it is: ${what} ${where}. Put it there before, and change its value here; or collect tensors with push().`,
    site,
  );
}
