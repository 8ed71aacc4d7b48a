import type { Construct, Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

const field = (at: Draw): string => `${at.the('object')}.${at.random.pick(['p', 'q'])}`;
const key = (at: Draw): string => at.random.pick(['a', 'b', 'c']);
const onObject = (name: string, draw: (at: Draw) => string): Construct => ({ name, needs: ['object'], draw });
const onDict = (name: string, draw: (d: string, at: Draw) => string): Construct => ({
  name,
  needs: ['dict'],
  draw: (at) => draw(at.the('dict'), at),
});

/** Objects: their fields, and keys that come and go. */
export const objects: Constructs = {
  statements: [
    onObject('field write', (at) => `${field(at)} = ${at.number()};`),
    onObject(
      'field write by a computed name',
      (at) => `${at.the('object')}[${at.random.pick(["'p'", "'q'"])}] = ${at.number()};`,
    ),
    onObject('compound assignment of a field', (at) => `${field(at)} ${at.random.pick(['+=', '-='])} ${at.number()};`),
    onObject('increment of a field', (at) => `${field(at)}${at.random.pick(['++', '--'])};`),
    onObject('logical assignment of a field', (at) => `${field(at)} ${at.random.pick(['||=', '&&='])} ${at.number()};`),
    onObject('swap of fields', (at) => {
      const o = at.the('object');
      return `[${o}.p, ${o}.q] = [${o}.q, ${o}.p];`;
    }),
    onObject('pattern of fields', (at) => `({ p: ${field(at)} } = { p: ${at.number()} });`),
    onObject(
      'Object.assign',
      (at) => `Object.assign(${at.the('object')}, { ${at.random.pick(['p', 'q'])}: ${at.number()} });`,
    ),
    onObject('destructuring of an object', (at) => {
      const o = at.the('object');
      return `let { p: ${at.declare('number')}, q: ${at.declare('number')} = 3, z: ${at.declare('number')} = 5 } = ${o};`;
    }),
    onObject('copy of an object', (at) => at.define('object', `{ ...${at.the('object')}, q: ${at.number()} }`)),
    onObject('alias of an object', (at) => at.define('object', at.the('object'))),
    {
      name: 'object made in a branch',
      draw: (at) => {
        const [p, test, q] = [at.number(), at.condition(), at.number()];
        const name = at.declare('object');
        return `let ${name} = { p: ${p}, q: 1 }; if (${test}) { ${name} = { p: 2, q: ${q} }; ${name}.p += 1; }`;
      },
    },
    {
      name: 'local object in a loop over rows',
      needs: ['number'],
      draw: (at) => {
        const [o, row, x] = [at.fresh('o'), at.fresh('r'), at.the('number')];
        const change = at.random.pick([`${o}.v += 1;`, `${o}.w = ${at.number()};`, `${o}.v++;`]);
        return `for (const ${row} of V([2, 5])) { const ${o} = { v: ${row} }; ${change} ${x} += ${o}.v; }`;
      },
    },
    {
      name: 'nested objects',
      draw: (at) => {
        const o = at.fresh('o');
        const head = `const ${o} = { in: { v: ${at.number()} }, list: [1, 2] }; if (${at.condition()})`;
        const change = at.random.pick([`${o}.in.v = 4;`, `${o}.list[1] += 2;`, `${o}.in = { v: 6 };`]);
        return `${head} ${change} ${at.define('number', `${o}.in.v + ${o}.list[1]`)}`;
      },
    },
    {
      name: 'getter and setter',
      draw: (at) => {
        const o = at.fresh('o');
        const members = `v: ${at.number()}, get twice() { return this.v * 2; }, set twice(x) { this.v = x + 1; }`;
        const change = `${o}.twice = ${at.number()};`;
        return `const ${o} = { ${members} }; if (${at.condition()}) ${change} ${at.define('number', `${o}.twice`)}`;
      },
    },
    {
      name: 'method of an object',
      draw: (at) => {
        const o = at.fresh('o');
        const members = `v: ${at.number()}, up(x) { this.v += x; return this; }`;
        return `const ${o} = { ${members} }; if (${at.condition()}) ${o}.up(${at.number()}).up(1); ${at.define('number', `${o}.v`)}`;
      },
    },
    { ...onDict('new key', (d, at) => `${d}.${key(at)} = ${at.number()};`), onlyPlain: true },
    { ...onDict('delete', (d, at) => `delete ${d}.${key(at)};`), onlyPlain: true },
    {
      ...onDict('Object.assign of new keys', (d, at) => `Object.assign(${d}, { ${key(at)}: ${at.number()} });`),
      onlyPlain: true,
    },
    onDict('Object.entries', (d, at) => {
      const x = at.find('number');
      return x === undefined ? at.assignment() : `for (const [, v] of Object.entries(${d})) ${x} += v;`;
    }),
  ],
  numbers: [
    onObject('field', field),
    onObject('field through ?.', (at) => `${at.the('object')}?.p`),
    onObject('Object.values', (at) => `Object.values(${at.the('object')})[0]`),
    onDict('Object.keys', (d) => `Object.keys(${d}).length`),
    onDict('a key that may be missing', (d, at) => `(${d}.${key(at)} ?? ${at.number()})`),
  ],
  conditions: [
    onDict('in', (d, at) => `'${key(at)}' in ${d}`),
    onDict('a key compared with undefined', (d, at) => `${d}.${key(at)} === undefined`),
    onObject('fields compared', (at) => `${field(at)} > ${field(at)}`),
  ],
};
