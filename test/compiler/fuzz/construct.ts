import type { Draw } from './draw.ts';

/** What a variable holds: the generator knows no other types. */
export type Type =
  | 'number' // a whole number, traced or not
  | 'value' // the same, not to be assigned to
  | 'plain' // a whole number from 0 to 3 that is known while the block is built, not to be assigned to
  | 'maybe' // a number, or undefined where a branch did not run
  | 'list' // an array of at least two numbers
  | 'grown' // an array of at least one number, whose length a condition or a loop of the graph may decide
  | 'records' // the same of objects { p, q } of numbers
  | 'object' // { p, q } of numbers
  | 'dict' // an object with some of the keys a, b and c
  | 'map' // a Map from some of the numbers 0 to 3 to numbers
  | 'set' // a Set of some of the numbers 0 to 3
  | 'instance' // an object of the program's class
  | 'counter' // { up(), get() } around a variable of a factory
  | 'typed' // a Float32Array of three elements
  | 'saved' // what was saved, or undefined where the branch did not run
  | 'rows'; // a vector of numbers that only the run knows

export interface Variable {
  readonly name: string;
  readonly type: Type;
}

/** A function of the program that takes numbers. */
export interface Callable {
  readonly name: string;
  readonly arity: number;
  readonly gives: 'number' | 'maybe' | 'object' | 'list';
  /** How many statements it runs, about. */
  readonly cost: number;
}

/** Where a statement stands. */
export interface Place {
  readonly depth: number;
  /** Whether a traced condition or a loop of the graph stands around it. */
  readonly traced: boolean;
  /** Whether a loop stands around it in the same function. */
  readonly loop: boolean;
  readonly labels: readonly string[];
  /** How often it runs, about. */
  readonly times: number;
  /** What a `return` gives here; null where none may stand. */
  readonly returns: ((at: Draw) => string) | null;
}

/** One form of a statement, a number or a condition. */
export interface Construct {
  readonly name: string;
  /** Variables of these types must be there. */
  readonly needs?: readonly Type[];
  /** Whether its effect has no meaning in a branch or loop of the graph: there it is drawn seldom. */
  readonly onlyPlain?: boolean;
  /** Whether it stands only where something else stands already, and so is always drawn from. */
  readonly follows?: boolean;
  /** The text; undefined where it cannot stand. */
  draw(at: Draw): string | undefined;
}

/** The constructs of one file: forms of statements, of numbers and of conditions. */
export interface Constructs {
  readonly statements?: readonly Construct[];
  readonly numbers?: readonly Construct[];
  readonly conditions?: readonly Construct[];
}
