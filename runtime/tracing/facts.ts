import type { Value } from '../graph/types.ts';

/** A truth value (bool, no dimensions) of the graph is true, or is false. */
export interface Fact {
  readonly value: Value;
  readonly is: boolean;
}

/** The consequences of facts in a block. */
export class Consequences {
  private readonly known = new Map<Value, Map<boolean, readonly Fact[]>>();

  /** Notes what else holds wherever `fact` does. */
  add(fact: Fact, others: readonly Fact[]): void {
    const known = this.known.get(fact.value) ?? new Map<boolean, readonly Fact[]>();
    known.set(fact.is, others);
    this.known.set(fact.value, known);
  }

  /** The consequences of a fact: those that were noted, and those of the operation that makes its value. */
  *of({ value, is }: Fact): Generator<Fact> {
    yield* this.known.get(value)?.get(is) ?? [];
    const inputs = value.node?.inputs ?? [];
    const { op } = value.node ?? {};
    if (op === 'logicalNot') yield { value: inputs[0]!, is: !is };
    else if (op === 'squeeze') yield { value: inputs[0]!, is };
    else if (is ? op === 'logicalAnd' || op === 'bitwiseAnd' : op === 'logicalOr' || op === 'bitwiseOr') {
      for (const input of inputs) yield { value: input, is };
    }
  }
}

/** Everything that follows from one fact. */
export class Knowledge {
  private readonly given: Fact;
  private readonly consequences: Consequences;
  private readonly asked = new Map<Value, boolean | null>();

  constructor(given: Fact, consequences: Consequences) {
    this.given = given;
    this.consequences = consequences;
  }

  /** Whether a value is true; null if this does not say. */
  of(value: Value): boolean | null {
    let known = this.asked.get(value);
    if (known === undefined) {
      known = this.find(value);
      this.asked.set(value, known);
    }
    return known;
  }

  /** A fact only implies facts about older values. */
  private find(wanted: Value): boolean | null {
    const seen = new Set<Value>();
    const open = [this.given];
    for (let fact = open.pop(); fact; fact = open.pop()) {
      if (fact.value === wanted) return fact.is;
      if (fact.value.id < wanted.id || seen.has(fact.value)) continue;
      seen.add(fact.value);
      for (const one of this.consequences.of(fact)) open.push(one);
    }
    return null;
  }
}
