import type { Construct, Constructs } from '../construct.ts';
import { absent } from './absent.ts';
import { arrayReads } from './array-reads.ts';
import { arrays } from './arrays.ts';
import { branches } from './branches.ts';
import { calls } from './calls.ts';
import { classes } from './classes.ts';
import { closures } from './closures.ts';
import { collections } from './collections.ts';
import { errors } from './errors.ts';
import { functions } from './functions.ts';
import { jumps } from './jumps.ts';
import { lookups } from './lookups.ts';
import { loops } from './loops.ts';
import { numbers } from './numbers.ts';
import { objects } from './objects.ts';
import { saves } from './saves.ts';

const FILES: readonly Constructs[] = [
  numbers,
  branches,
  absent,
  loops,
  jumps,
  functions,
  calls,
  arrays,
  arrayReads,
  objects,
  collections,
  lookups,
  classes,
  closures,
  errors,
  saves,
];

/** All that programs are made of. */
export const ALL: Required<Constructs> = {
  statements: FILES.flatMap(({ statements = [] }) => statements),
  numbers: FILES.flatMap(({ numbers = [] }) => numbers),
  conditions: FILES.flatMap(({ conditions = [] }) => conditions),
};

export const NAMES: readonly string[] = Object.values(ALL).flatMap((all: readonly Construct[]) =>
  all.map(({ name }) => name),
);

/** The constructs that may stand beside one that is tried alone. */
const SIMPLEST = new Set([
  ...['assignment', 'if', 'if and else', 'if on a plain condition', '+', '-', 'Math.max', '&&', '!', 'a call'],
  ...['for…of over rows', 'for…of over an array', 'while on a traced condition', 'continue', 'break', 'early return'],
  ...['helper', 'helper with an early return'],
]);

/** Chooses one construct, and the simplest beside it. */
export function alone(name: string): (construct: Construct) => boolean {
  return (construct) => construct.name === name || SIMPLEST.has(construct.name);
}
