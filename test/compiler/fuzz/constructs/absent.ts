import type { Constructs } from '../construct.ts';

/** Variables that only one side of a branch, or only a loop that runs, gives a value. */
export const absent: Constructs = {
  statements: [
    {
      name: 'a variable that one side sets',
      draw: (at) => {
        const [test, value] = [at.condition(), at.number()];
        const name = at.declare('maybe');
        return `let ${name}; if (${test}) ${name} = ${value};`;
      },
    },
    {
      name: 'a variable that a loop may set',
      draw: (at) => {
        const [test, name, row] = [at.literal(), at.declare('maybe'), at.fresh('r')];
        return `let ${name}; for (const ${row} of V([1, 5, 3])) if (${row} > ${test}) { ${name} = ${row}; break; }`;
      },
    },
    {
      name: 'the previous row',
      needs: ['number'],
      draw: (at) => {
        const [before, row, x] = [at.fresh('u'), at.fresh('r'), at.the('number')];
        const test = at.random.pick([`${before} !== undefined`, `${before} != null`]);
        return `let ${before}; for (const ${row} of V([1, 5, 3])) { if (${test}) ${x} = Math.max(${x}, ${row} - ${before}); ${before} = ${row}; }`;
      },
    },
    {
      name: 'an object that one side makes',
      needs: ['number'],
      draw: (at) => {
        const [name, x] = [at.fresh('u'), at.the('number')];
        return `let ${name} = null; if (${at.condition()}) ${name} = { v: ${at.number()} }; if (${name}) ${x} += ${name}.v;`;
      },
    },
    { name: '??=', needs: ['maybe'], draw: (at) => `${at.the('maybe')} ??= ${at.number()};` },
    {
      name: 'set where it is not yet',
      needs: ['maybe'],
      draw: (at) => {
        const name = at.the('maybe');
        return `if (${name} === undefined) ${name} = ${at.number()};`;
      },
    },
  ],
  numbers: [
    { name: '??', needs: ['maybe'], draw: (at) => `(${at.the('maybe')} ?? ${at.number()})` },
    {
      name: 'a default value',
      needs: ['maybe'],
      draw: (at) => `((v = 4) => v)(${at.the('maybe')})`,
    },
    {
      name: 'used where it is there',
      needs: ['maybe'],
      draw: (at) => {
        const name = at.the('maybe');
        return `(${name} !== undefined ? ${name} + 1 : ${at.number()})`;
      },
    },
  ],
  conditions: [
    { name: '=== undefined', needs: ['maybe'], draw: (at) => `${at.the('maybe')} === undefined` },
    { name: '== null', needs: ['maybe'], draw: (at) => `${at.the('maybe')} ${at.random.pick(['==', '!='])} null` },
    { name: 'truth of what may not be there', needs: ['maybe'], draw: (at) => at.the('maybe') },
    { name: '! of what may not be there', needs: ['maybe'], draw: (at) => `!${at.the('maybe')}` },
    {
      name: 'typeof what may not be there',
      needs: ['maybe'],
      draw: (at) => `typeof ${at.the('maybe')} === 'undefined'`,
    },
  ],
};
