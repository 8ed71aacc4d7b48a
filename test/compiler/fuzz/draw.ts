import type { Callable, Construct, Place, Type, Variable } from './construct.ts';
import type { Random } from './random.ts';

/** What all places of one program share. */
export interface Shared {
  readonly random: Random;
  /** The constructs to draw from. */
  readonly statements: readonly Construct[];
  readonly numbers: readonly Construct[];
  readonly conditions: readonly Construct[];
  /** The names of the constructs that were drawn. */
  readonly drawn: Set<string>;
  names: number;
  /** How many statements the program runs, about. */
  cost: number;
}

const MAX_COST = 300;
const MAX_DEPTH = 3;

/** One place of a program in the making: what is known there, and what is drawn for it. */
export class Draw {
  readonly shared: Shared;
  readonly place: Place;
  readonly variables: Variable[];
  readonly functions: Callable[];
  /** Whether a traced condition or a loop of the graph decides if or how often it runs, as far as is known. */
  traced: boolean;
  private readonly outer: Draw | null;
  private expressions = 0;

  constructor(shared: Shared, place: Place, outer: Draw | null = null) {
    this.shared = shared;
    this.place = place;
    this.outer = outer;
    this.traced = place.traced;
    this.variables = [...(outer?.variables ?? [])];
    this.functions = [...(outer?.functions ?? [])];
  }

  get random(): Random {
    return this.shared.random;
  }

  fresh(letter: string): string {
    return `${letter}${this.shared.names++}`;
  }

  /** A name that is known as a variable from here on. */
  declare(type: Type, name = this.fresh(type[0]!)): string {
    this.variables.push({ name, type });
    return name;
  }

  /** The declaration of a new variable. */
  define(type: Type, value: string, keyword = type === 'number' || type === 'maybe' ? 'let' : 'const'): string {
    return `${keyword} ${this.declare(type)} = ${value};`;
  }

  /** A variable of one of these types. */
  find(...types: Type[]): string | undefined {
    const found = this.variables.filter(({ type }) => types.includes(type));
    return found.length > 0 ? this.random.pick(found).name : undefined;
  }

  /** The same where one is known to be there. */
  the(type: Type): string {
    const found = this.find(type);
    if (found === undefined) throw new Error(`no ${type}`);
    return found;
  }

  has(types: readonly Type[] = []): boolean {
    return types.every((type) => this.variables.some((one) => one.type === type));
  }

  /** A call of a function, if there is one that may still be called here. */
  call(gives: Callable['gives']): string | undefined {
    const left = (MAX_COST - this.shared.cost) / this.place.times;
    const found = this.functions.filter((one) => one.gives === gives && one.cost < left);
    if (found.length === 0) return undefined;
    const { name, arity, cost } = this.random.pick(found);
    this.shared.cost += this.place.times * cost;
    return `${name}(${Array.from({ length: arity }, () => this.number()).join(', ')})`;
  }

  /** A whole number that is written in the program. */
  literal(): string {
    return String(this.random.below(8) - 2);
  }

  /** A number without a construct in it. */
  leaf(): string {
    const known = this.find('number', 'value');
    if (known !== undefined && !this.random.once(3)) return known;
    return this.random.once(3) ? `T(${this.literal()})` : this.literal();
  }

  /** An expression: a whole number. */
  number(): string {
    return this.expression(() => this.oneOf(this.shared.numbers) ?? this.leaf());
  }

  /** An expression: a truth value. */
  condition(): string {
    return this.expression(() => (this.random.once(2) && this.oneOf(this.shared.conditions)) || this.comparison());
  }

  private comparison(): string {
    return `${this.number()} ${this.random.pick(['>', '<', '>=', '<=', '===', '!=='])} ${this.literal()}`;
  }

  /** A number for a construct that has no meaning on traced ones: seldom traced. */
  plain(): string {
    return this.random.once(10) ? this.leaf() : (this.find('plain') ?? this.literal());
  }

  /** A condition that is known while the block is built. */
  plainCondition(): string {
    const plain = this.find('plain') ?? String(this.random.below(3));
    return `${plain} ${this.random.pick(['>', '<', '>=', '!=='])} ${this.random.below(3)}`;
  }

  private expression(inner: () => string): string {
    if (this.expressions > 2) return this.leaf();
    this.expressions++;
    const text = inner();
    this.expressions--;
    return text;
  }

  /** One of the constructs that can stand here. */
  private oneOf(constructs: readonly Construct[]): string | undefined {
    const following = constructs.filter(({ follows }) => follows);
    const unseen = constructs.filter(({ name }) => !this.shared.drawn.has(name));
    for (let tries = 0; tries < 6; tries++) {
      const pool = this.random.pick([constructs, unseen, unseen, following]);
      if (pool.length === 0) continue;
      const one = this.random.pick(pool);
      if (!this.has(one.needs) || (one.onlyPlain && this.traced && !this.random.once(12))) continue;
      const text = this.one(one);
      if (text !== undefined) return text;
    }
    return undefined;
  }

  /** A construct, if it can stand here. */
  one(construct: Construct): string | undefined {
    const text = construct.draw(this);
    if (text !== undefined) this.shared.drawn.add(construct.name);
    return text;
  }

  /** One statement, or several that belong together. */
  statement(): string {
    this.shared.cost += this.place.times;
    return this.oneOf(this.shared.statements) ?? this.assignment();
  }

  assignment(): string {
    const name = this.find('number');
    return name === undefined ? this.define('number', this.number()) : `${name} = ${this.number()};`;
  }

  statements(most: number): string {
    const lines: string[] = [];
    for (let left = 1 + this.random.below(most); left > 0 && this.shared.cost < MAX_COST; left--) {
      lines.push(this.statement());
    }
    return lines.join('\n');
  }

  get isDeep(): boolean {
    return this.place.depth >= MAX_DEPTH || this.shared.cost > MAX_COST;
  }

  /** The same place, one level further in. */
  inside(change: Partial<Place> = {}): Draw {
    return new Draw(this.shared, { ...this.place, traced: this.traced, depth: this.place.depth + 1, ...change }, this);
  }

  /** A block of statements; `first` tells what stands in front. */
  block(change: Partial<Place> = {}, first: (inner: Draw) => string = () => ''): string {
    const inner = this.inside(change);
    return `{ ${first(inner)}\n${inner.statements(2)}\n}`;
  }

  /** To be called for a jump on a traced condition: what follows in the function depends on it. */
  jumps(): void {
    this.traced = true;
    const isBody = this.outer === null || this.outer.place.returns !== this.place.returns;
    if (!isBody) this.outer.jumps();
  }
}
