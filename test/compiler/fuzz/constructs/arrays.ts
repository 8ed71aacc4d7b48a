import type { Construct, Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

/** A statement on an array: on one whose length is fixed where it keeps it, else on one that grows. */
const onGrown = (name: string, draw: (a: string, at: Draw) => string): Construct => ({
  name,
  needs: ['grown'],
  draw: (at) => draw(at.the('grown'), at),
});
const onList = (name: string, draw: (a: string, at: Draw) => string): Construct => ({
  name,
  needs: ['list'],
  draw: (at) => draw(at.the('list'), at),
});
const onAny = (name: string, draw: (a: string, at: Draw) => string): Construct => ({
  name,
  needs: ['list', 'grown'],
  draw: (at) => draw(at.find('list', 'grown')!, at),
});

/** Changes of arrays. */
export const arrays: Constructs = {
  statements: [
    onGrown('push', (a, at) => `${a}.push(${at.number()});`),
    onGrown('push of two', (a, at) => `${a}.push(${at.number()}, ${at.number()});`),
    onGrown('push through ?.', (a, at) => `${a}?.push(${at.number()});`),
    onGrown('push by its name', (a, at) => `${a}['push'](${at.number()});`),
    onGrown('unshift', (a, at) => `${a}.unshift(${at.number()});`),
    onGrown('pop', (a) => `if (${a}.length > 1) ${a}.pop();`),
    onGrown('shift', (a) => `if (${a}.length > 1) ${a}.shift();`),
    onGrown('splice', (a, at) => `${a}.splice(${at.random.below(2)}, ${at.random.below(2)}, ${at.number()});`),
    onGrown('length set', (a) => `${a}.length = 1;`),
    onAny('reverse', (a) => `${a}.reverse();`),
    onAny('sort in place', (a) => `${a}.sort((v, w) => w - v);`),
    onGrown('entry behind the last', (a, at) => `${a}[${a}.length] = ${at.number()};`),
    onGrown('length less one', (a) => `if (${a}.length > 1) ${a}.length--;`),
    onAny('fill', (a, at) => `${a}.fill(${at.number()});`),
    onAny('index write', (a, at) => `${a}[0] = ${at.number()};`),
    onAny('index write, calculated', (a, at) => `${a}[0] ${at.random.pick(['+=', '-='])} ${at.number()};`),
    onAny('increment of an element', (a) => `${a}[0]++;`),
    onList('swap of elements', (a) => `[${a}[0], ${a}[1]] = [${a}[1], ${a}[0]];`),
    onList('copyWithin', (a) => `${a}.copyWithin(0, 1, 2);`),
    onGrown(
      'index write and push',
      (a, at) => `if (${at.number()} > ${a}[0]) ${a}[0] = ${at.number()}; ${a}.push(${at.number()});`,
    ),
    {
      name: 'queue until it is empty',
      needs: ['grown', 'number'],
      draw: (at) => {
        const [q, v, x] = [at.fresh('q'), at.fresh('v'), at.the('number')];
        const take = at.random.pick(['shift', 'pop']);
        const end = at.random.pick(['', `if (${v} > ${at.literal()}) break;`]);
        return `const ${q} = ${at.the('grown')}.slice(); while (${q}.length > 0) { const ${v} = ${q}.${take}(); ${end} ${x} += ${v}; }`;
      },
    },
    {
      name: 'object pushed and named',
      draw: (at) => {
        const [all, last, o, row] = [at.fresh('d'), at.fresh('u'), at.fresh('o'), at.fresh('r')];
        const head = `const ${all} = [{ p: 1, q: 2 }]; let ${last} = null;`;
        const make = `{ const ${o} = { p: ${at.number()}, q: 3 }; ${all}.push(${o}); ${last} = ${o}; }`;
        const where = at.random.pick([
          `if (${at.condition()})`,
          `for (const ${row} of V([2, 5, 1])) if (${row} > ${at.leaf()})`,
        ]);
        at.declare('records', all);
        return `${head} ${where} ${make} ${at.define('number', `${last} ? ${last}.p : -1`)}`;
      },
    },
    {
      name: 'two names of an object of a loop',
      draw: (at) => {
        const [one, two, row] = [at.fresh('u'), at.fresh('u'), at.fresh('r')];
        const make = `if (${row} > ${at.leaf()}) ${one} = ${two} = [${row}, ${at.number()}];`;
        const read = at.define('number', `${one}[0] - ${two}[1]`);
        return `let ${one} = [0, 1], ${two} = [2, 3]; for (const ${row} of V([2, 5, 1])) ${make} ${read}`;
      },
    },
    {
      name: 'array made in a branch',
      draw: (at) => {
        const [before, test, inside] = [at.number(), at.condition(), at.number()];
        const name = at.declare('grown');
        return `let ${name} = [${before}]; if (${test}) { ${name} = [${inside}]; ${name}.push(${at.number()}); }`;
      },
    },
    {
      name: 'array filled in a loop over rows',
      draw: (at) => {
        const [name, row] = [at.fresh('g'), at.fresh('r')];
        const test = at.random.pick(['', `if (${row} > 1) `]);
        const text = `const ${name} = []; for (const ${row} of V([2, 5, 1])) ${test}${name}.push(${row} + ${at.number()});`;
        at.declare('grown', name);
        return text;
      },
    },
    {
      name: 'array of an object filled in a loop',
      draw: (at) => {
        const [o, row] = [at.fresh('o'), at.fresh('r')];
        return `const ${o} = { all: [] }; for (const ${row} of V([2, 5, 1])) ${o}.all.push(${row}); ${at.define('number', `${o}.all.length`)}`;
      },
    },
    {
      name: 'local array in a loop over rows',
      needs: ['number'],
      draw: (at) => {
        const [a, row, x] = [at.fresh('a'), at.fresh('r'), at.the('number')];
        const change = at.random.pick([`${a}[1] += 1;`, `${a}.push(${row});`, `${a}.reverse();`, `${a}.unshift(2);`]);
        return `for (const ${row} of V([2, 5])) { const ${a} = [${row}, ${at.number()}]; ${change} ${x} += ${a}[1]; }`;
      },
    },
    {
      name: 'objects pushed in a loop over rows',
      draw: (at) => {
        const [name, row] = [at.fresh('d'), at.fresh('r')];
        const head = `const ${name} = []; for (const ${row} of V([2, 5, 1])) `;
        const text = `${head}${name}.push({ p: ${row}, q: ${at.number()} });`;
        at.declare('records', name);
        return text;
      },
    },
    {
      name: 'pairs pushed in a loop over rows',
      needs: ['number'],
      draw: (at) => {
        const [pairs, row, x] = [at.fresh('p'), at.fresh('r'), at.the('number')];
        const head = `const ${pairs} = []; for (const ${row} of V([2, 5, 1])) ${pairs}.push([${row}, ${at.number()}]);`;
        return `${head} for (const [a, b] of ${pairs}) ${x} += a - b;`;
      },
    },
    {
      name: 'objects pushed on a condition',
      draw: (at) => {
        const [first, test, second] = [at.number(), at.condition(), at.number()];
        const name = at.declare('records');
        return `const ${name} = [{ p: ${first}, q: 1 }]; if (${test}) ${name}.push({ p: ${second}, q: 2 });`;
      },
    },
  ],
};
