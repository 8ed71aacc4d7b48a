import { TraceError } from '../errors.ts';
import { formatSite } from '../graph/site.ts';
import type { Site, Value } from '../graph/types.ts';
import type { Builder } from './builder.ts';
import type { Storage } from './storage.ts';

/*
 * Behind a branch that gave a name another tensor, and in a loop that does, only the run knows which tensor it names. The
 * graph has a tensor of its own for it. A change in place of one of them may be a change of the others, or none: whoever
 * asks for these afterwards gets an error. The same for a tensor that was reshaped, where PyTorch copies or not by how the
 * elements lie, and that is not known.
 */

interface Kin {
  /** The tensors that this one may be. */
  readonly sources: Set<Storage>;
  /** Those that may be this one. */
  readonly derived: Set<Storage>;
}

const kin = new WeakMap<Storage, Kin>();

function kinOf(storage: Storage): Kin {
  const known = kin.get(storage) ?? { sources: new Set(), derived: new Set() };
  kin.set(storage, known);
  return known;
}

/** Notes that a tensor is one of several others, as the run decides. */
export function mayBe(storage: Storage, others: readonly Storage[]): void {
  for (const other of others) {
    kinOf(storage).sources.add(other);
    kinOf(other).derived.add(storage);
  }
}

/** What tensors hold that were perhaps changed, each with the line of the change. */
const doubtful = new WeakMap<Value, Site | null>();

/** The line that perhaps changed a tensor that holds `value`; undefined if none did. */
export function perhapsChangedAt(value: Value): Site | null | undefined {
  return doubtful.get(value);
}

/** @throws TraceError at `site`, or at the line of the change, if a tensor that holds `value` was perhaps changed */
export function checkSure(value: Value, site?: Site | null): void {
  const changed = perhapsChangedAt(value);
  if (changed === undefined) return;
  const at = changed ? ` at ${formatSite(changed)}` : '';
  throw new TraceError(
    `A tensor is used that was changed in place${at} by another name, if the two are one in memory: a branch or loop of the graph decides that, or where the elements of a transposed or sliced tensor lie. Change a clone() there, or use the tensor by that name.`,
    site ?? changed,
  );
}

/** What is made of values is as doubtful as they are. */
export function handOnDoubt(from: readonly Value[], to: Value): void {
  const value = from.find((one) => doubtful.has(one));
  if (value) doubtful.set(to, doubtful.get(value)!);
}

/** Notes that a tensor was changed in place. */
export function changedInPlace(builder: Builder, storage: Storage): void {
  if (!kin.has(storage)) return;
  const sources = all(storage, 'sources');
  const others = new Set([...sources, ...[...sources, storage].flatMap((one) => [...all(one, 'derived')])]);
  others.delete(storage);
  for (const one of others) {
    const held = one.get();
    if (doubtful.has(held) || !builder.scope.visible(held)) continue;
    builder.note(one);
    const value = builder.add('cast', [held], { dtype: held.type.dtype }).outputs[0]!;
    doubtful.set(value, builder.site);
    one.set(value);
  }
}

/** All that are reached from one. */
function all(storage: Storage, direction: keyof Kin): Set<Storage> {
  const found = new Set<Storage>();
  const visit = (one: Storage) => {
    for (const next of kin.get(one)?.[direction] ?? []) {
      if (found.has(next)) continue;
      found.add(next);
      visit(next);
    }
  };
  visit(storage);
  return found;
}
