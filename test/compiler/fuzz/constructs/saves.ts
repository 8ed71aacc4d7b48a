import type { Construct, Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

/** In a loop each iteration saves a value of its own, so saves stand outside. */
const outside = (name: string, draw: (at: Draw) => string): Construct => ({
  name,
  draw: (at) => (at.place.depth > 0 ? undefined : draw(at)),
});

/** A helper, and a variable that holds what a call of it saved. */
function helper(at: Draw, body: (v: string) => string): string {
  const [f, v, given] = [at.fresh('f'), at.fresh('v'), at.number()];
  const text = body(v);
  return `const ${f} = (${v}) => { ${text} }; ${at.define('saved', `${f}(${given})`)}`;
}

/** Values that are saved on one way or the other. */
export const saves: Constructs = {
  statements: [
    outside('a save in a branch', (at) => {
      const [test, value] = [at.condition(), at.number()];
      const name = at.declare('saved');
      return `let ${name}; if (${test}) ${name} = save(${value});`;
    }),
    outside('a save in both branches', (at) => {
      const [test, one, other] = [at.condition(), at.number(), at.number()];
      const name = at.declare('saved');
      return `let ${name}; if (${test}) ${name} = save(${one}); else ${name} = save(${other});`;
    }),
    outside('helper whose sides return saves', (at) =>
      helper(at, (v) => `if (${v} > ${at.literal()}) return save(${v} + 1); return save(${at.number()});`),
    ),
    outside('helper whose one side returns a save', (at) =>
      helper(at, (v) => `if (${v} > ${at.literal()}) return save(${v} * 2);`),
    ),
    outside('a save returned out of an ordinary loop', (at) =>
      helper(at, (v) => `for (const i of [1, 3, 5]) if (${v} < i) return save(${v} + i);`),
    ),
  ],
};
