import type { Value } from '../graph/types.ts';

/** That a truth value (bool, no dimensions) of the graph is true, or false. */
export interface Fact {
  readonly value: Value;
  readonly is: boolean;
}

const consequences = new WeakMap<Value, Map<boolean, readonly Fact[]>>();

/** Notes what else holds wherever `fact` does. */
export function follows(fact: Fact, others: readonly Fact[]): void {
  const known = consequences.get(fact.value) ?? new Map<boolean, readonly Fact[]>();
  known.set(fact.is, others);
  consequences.set(fact.value, known);
}

/** What a fact says of others, by the operation that its value comes from. */
function* consequencesOf({ value, is }: Fact): Generator<Fact> {
  yield* consequences.get(value)?.get(is) ?? [];
  const inputs = value.node?.inputs ?? [];
  const { op } = value.node ?? {};
  if (op === 'logicalNot') yield { value: inputs[0]!, is: !is };
  else if (op === 'squeeze') yield { value: inputs[0]!, is };
  else if (is ? op === 'logicalAnd' || op === 'bitwiseAnd' : op === 'logicalOr' || op === 'bitwiseOr') {
    for (const input of inputs) yield { value: input, is };
  }
}

/** What follows from one fact. */
export class Knowledge {
  private readonly given: Fact;
  private readonly asked = new Map<Value, boolean | null>();

  constructor(given: Fact) {
    this.given = given;
  }

  /** Whether a value is true; null if this does not say. */
  of(value: Value): boolean | null {
    let known = this.asked.get(value);
    if (known === undefined) {
      known = find(this.given, value);
      this.asked.set(value, known);
    }
    return known;
  }
}

/** A fact speaks of values that were made before its own: younger ones lead nowhere. */
function find(given: Fact, wanted: Value): boolean | null {
  const seen = new Set<Value>();
  const open = [given];
  for (let fact = open.pop(); fact; fact = open.pop()) {
    if (fact.value === wanted) return fact.is;
    if (fact.value.id < wanted.id || seen.has(fact.value)) continue;
    seen.add(fact.value);
    open.push(...consequencesOf(fact));
  }
  return null;
}
