import type { Node, Region, Value } from '../graph/types.ts';
import { blank } from './blanks.ts';
import type { Builder } from './builder.ts';
import { Consequences, type Fact, Knowledge } from './facts.ts';

/** The finished body of a conditional: its values can be used where it is known to have run. */
interface Closed {
  readonly node: Node;
  readonly around: Region;
  /** The condition under which it runs. */
  readonly fact: Fact;
  readonly given: Map<Value, Value>;
}

/** Which values code can use while a graph is built, and which truth values are known there. */
export class Scope {
  readonly consequences = new Consequences();
  private readonly builder: Builder;
  private readonly open: Region[];
  /** The regions that values are made in. */
  private readonly makers = new Map<Value, Region>();
  /** The facts that hold in a body. */
  private readonly knowledge = new Map<Region, Knowledge[]>();
  private readonly closed = new Map<Region, Closed>();

  constructor(builder: Builder) {
    this.builder = builder;
    this.open = [builder.graph.root];
  }

  /** The regions that are open, from the root of the graph on. */
  get regions(): readonly Region[] {
    return this.open;
  }

  /** The region that is built now. */
  get innermost(): Region {
    return this.open.at(-1)!;
  }

  enter(region: Region): void {
    this.open.push(region);
  }

  leave(): void {
    this.open.pop();
  }

  /** Notes where a value is made. */
  made(value: Value, region: Region): void {
    this.makers.set(value, region);
  }

  regionOf(value: Value): Region | undefined {
    return this.makers.get(value);
  }

  /** Whether the code that runs now can use a value: it was made here or in a region around. */
  visible(value: Value): boolean {
    const region = this.makers.get(value);
    return region !== undefined && this.regions.includes(region);
  }

  /** Whether a value can be used in one of the regions that are open now. */
  visibleIn(value: Value, region: Region): boolean {
    const made = this.makers.get(value);
    const at = this.regions.indexOf(region);
    return made !== undefined && this.regions.slice(0, at + 1).includes(made);
  }

  /** Whether a truth value is true where the code runs now, as far as the conditions around tell; null if they don't. */
  knows(value: Value): boolean | null {
    for (const region of this.regions.toReversed()) {
      for (const one of this.knowledge.get(region) ?? []) {
        const known = one.of(value);
        if (known !== null) return known;
      }
    }
    return null;
  }

  /** Notes a fact that holds from here on in the body that is being recorded. */
  learn(fact: Fact, region = this.innermost): void {
    const known = this.knowledge.get(region) ?? [];
    this.knowledge.set(region, known);
    known.push(new Knowledge(fact, this.consequences));
  }

  /**
   * A value as the code that runs now can use it: itself, or a result of the conditional in whose body it was made, if
   * that body is known to have run (or the caller is sure that the value is not used otherwise). Null if there is none.
   */
  reach(value: Value, isSure = false): Value | null {
    if (this.visible(value)) return value;
    const region = this.makers.get(value);
    const closed = region && this.closed.get(region);
    if (!closed || !(isSure || this.knows(closed.fact.value) === closed.fact.is)) return null;
    let given = closed.given.get(value);
    if (!given) {
      const none = blank(this.builder, value.type);
      given = this.builder.graph.addResult(closed.node, closed.fact.is ? [value, none] : [none, value], value.type);
      this.made(given, closed.around);
      closed.given.set(value, given);
    }
    return this.reach(given, isSure);
  }

  /** Notes that the bodies of a conditional are finished. */
  close(node: Node, condition: Value): void {
    node.regions.forEach((region, i) => {
      const fact = { value: condition, is: i === 0 };
      this.closed.set(region, { node, around: this.innermost, fact, given: new Map() });
    });
  }

  /** Whether a body of a conditional is finished. */
  isClosed(region: Region): boolean {
    return this.closed.has(region);
  }
}
