/** Names of operations by their operators and counts: `MatMul`, `MatMul_1`, but for those that are taken. */
export class CountedNames {
  readonly #taken: ReadonlySet<string>;
  readonly #counts: Map<string, number>;

  /** @param counts how many there are of an operator already */
  constructor(taken: ReadonlySet<string>, counts: ReadonlyMap<string, number> = new Map()) {
    this.#taken = taken;
    this.#counts = new Map(counts);
  }

  next(opType: string): string {
    for (let count = this.#counts.get(opType) ?? 0; ; count++) {
      const name = count === 0 ? opType : `${opType}_${count}`;
      if (this.#taken.has(name)) continue;
      this.#counts.set(opType, count + 1);
      return name;
    }
  }
}
