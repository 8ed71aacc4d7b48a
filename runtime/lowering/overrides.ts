import type { NodeOf, Value } from '../graph/types.ts';
import type { Locate } from './address.ts';

/** A write that replaces a tensor: for all who read it, or for the nodes of one module. */
export interface Override {
  readonly tensor: string;
  readonly value: Value;
  readonly node: NodeOf<'write'>;
  readonly scope: ReadonlySet<number> | null;
}

/** The writes into one run of a model, by the tensor they replace. */
export class Overrides {
  readonly all: Override[];
  private readonly byTensor = new Map<string, Override[]>();

  constructor(writes: readonly NodeOf<'write'>[], locate: Locate) {
    this.all = writes.map((node) => override(node, locate));
    // The innermost module's replacement is the one its nodes see.
    this.all.sort((a, b) => (a.scope?.size ?? Infinity) - (b.scope?.size ?? Infinity));
    for (const one of this.all) {
      const others = this.byTensor.get(one.tensor);
      if (others) others.push(one);
      else this.byTensor.set(one.tensor, [one]);
    }
  }

  /** What a reader of `tensor` (a node's index; null for calls) gets: the value written for it, or undefined for the tensor itself. */
  of(tensor: string, reader: number | null): Override | undefined {
    const found = this.byTensor.get(tensor);
    if (!found) return undefined;
    // Of several writes for the same readers the last one counts: assignment comes after changes in place.
    const inner = found.findLast(
      (one) => one.scope !== null && reader !== null && one.scope.has(reader) && isInnermost(one, found, reader),
    );
    return inner ?? found.findLast((one) => one.scope === null);
  }
}

function override(node: NodeOf<'write'>, locate: Locate): Override {
  const { port, inplace } = node.attributes;
  const { tensor, nodes } = locate(node.attributes);
  const scope = port === 'input' && !inplace ? new Set(nodes) : null;
  return { tensor, value: node.inputs[0]!, node, scope };
}

/** Whether no other write for the same node has a narrower scope. */
function isInnermost(one: Override, others: readonly Override[], reader: number): boolean {
  return others.every((other) => !other.scope?.has(reader) || other.scope.size >= one.scope!.size);
}
