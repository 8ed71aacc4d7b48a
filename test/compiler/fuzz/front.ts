/** What stands in front of every program: a class, one that extends it, and a factory of counters. */
export const FRONT = `class Cell {
  v; #n = 0; static made = 0;
  constructor(v) { this.v = v; Cell.made++; }
  add(x) { this.v += x; return this; }
  count() { this.#n++; }
  get total() { return this.v + this.#n; }
  set level(x) { if (x > 2) this.v = x; else this.v = -x; }
  isBig() { if (this.v > 3) return 1; return 0; }
}
class Double extends Cell {
  add(x) { return super.add(x * 2); }
}
function counter(start) { let n = start; return { up: (by = 1) => { n += by; }, get: () => n }; }
`;
