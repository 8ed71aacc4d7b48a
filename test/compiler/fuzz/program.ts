import type { Construct, Place, Type } from './construct.ts';
import { ALL } from './constructs/index.ts';
import { Draw, type Shared } from './draw.ts';
import { HOLDERS } from './holders.ts';
import { Random } from './random.ts';

/** A program: a module with a function `run`, which is given what differs between the ways to run it. */
export interface Program {
  readonly text: string;
  /** The names of the constructs in it. */
  readonly drawn: ReadonlySet<string>;
}

/** How many forms of statements, numbers and conditions one program mixes: few, so that each meets itself often. */
const MIX = { statements: 18, numbers: 15, conditions: 10 };

const TOP: Place = { depth: 0, traced: false, loop: false, labels: [], times: 1, returns: null };

/** The program of a seed. */
export function randomProgram(seed: number, allowed: (construct: Construct) => boolean = () => true): Program {
  const random = new Random(seed);
  const mix = (kind: keyof typeof MIX) => {
    const all = ALL[kind].filter(allowed);
    const chosen = random.some(
      all.filter(({ follows }) => !follows),
      MIX[kind],
    );
    return [...chosen, ...all.filter(({ follows }) => follows)];
  };
  const [statements, numbers, conditions] = [mix('statements'), mix('numbers'), mix('conditions')];
  const shared: Shared = { random, statements, numbers, conditions, drawn: new Set(), names: 0, cost: 0 };
  const top = new Draw(shared, TOP);
  const needed = new Set<Type>([
    'number',
    ...[...statements, ...numbers, ...conditions].flatMap(({ needs = [] }) => needs),
  ]);
  const lines = [top.define('number', 'T(2)'), top.define('plain', '1')];
  for (const type of needed) lines.push(top.define(type, HOLDERS[type].make(top)));
  // Elsewhere they are drawn seldom.
  for (const one of statements) if (one.onlyPlain && random.once(2)) lines.push(top.one(one) ?? '');
  for (let left = 8 + random.below(5); left > 0; left--) lines.push(top.statement());
  const body = [...lines, result(top)].join('\n');
  return {
    text: `let shared = 0;\nfunction run({ T, I, V, save, library, Cell, Double, counter }) {\n${body}\n}\n`,
    drawn: shared.drawn,
  };
}

/** Everything that can be told apart at the end. */
function result(top: Draw): string {
  const reads = top.variables.flatMap(({ name, type }) => HOLDERS[type].read(name));
  const all = [...new Set([...reads, 'shared', 'library.count()', 'library.state.v'])];
  return `return {\n${all.map((read) => `  ${JSON.stringify(read)}: ${read},`).join('\n')}\n};`;
}
