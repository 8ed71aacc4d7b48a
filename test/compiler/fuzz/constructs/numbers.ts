import type { Constructs } from '../construct.ts';

const form = (name: string, draw: (a: string, b: string) => string) => ({
  name,
  draw: (at: { number(): string }) => draw(at.number(), at.number()),
});

/** Arithmetic. Numbers stay whole, so that single and double precision agree. */
export const numbers: Constructs = {
  numbers: [
    form('+', (a, b) => `(${a} + ${b})`),
    form('-', (a, b) => `(${a} - ${b})`),
    form('unary minus', (a) => `(-${a.startsWith('-') ? `(${a})` : a})`),
    form('Math.max', (a, b) => `Math.max(${a}, ${b})`),
    form('Math.min', (a, b) => `Math.min(${a}, ${b}, 9)`),
    form('Math.abs', (a) => `Math.abs(${a})`),
    form('Math.sign', (a) => `Math.sign(${a})`),
    form('Math.floor of a quotient', (a) => `Math.floor(${a} / 2)`),
    form('Math.trunc', (a) => `Math.trunc(${a} / 2)`),
    form('Math.round', (a) => `Math.round(${a} / 2)`),
    form('Math.hypot of one', (a) => `Math.hypot(${a})`),
    { name: '%', draw: (at) => `(${at.number()} % ${2 + at.random.below(3)})` },
    { name: '*', draw: (at) => `(${at.number()} * ${at.random.pick(['2', '3', '-1'])})` },
    { name: 'a product of two', draw: (at) => `(Math.min(${at.number()}, 5) * Math.sign(${at.number()}))` },
    { name: '**', draw: (at) => `(Math.min(Math.abs(${at.leaf()}), 4) ** 2)` },
    { name: 'truths added', draw: (at) => `((${at.condition()}) + (${at.condition()}))` },
    { name: 'a truth as a number', draw: (at) => `(+(${at.condition()}))` },
    {
      name: 'a number beyond all',
      draw: (at) => `Math.min(${at.number()}, ${at.random.pick(['1e20', 'Number.MAX_VALUE', '2 ** 63', 'Infinity'])})`,
    },
    { name: 'log1p and expm1', draw: (at) => `Math.round(Math.${at.random.pick(['log1p', 'expm1'])}(T(1e-8)) * 1e9)` },
    { name: 'a comma', draw: (at) => `(${at.number()}, ${at.number()})` },
    {
      name: 'an assignment in an expression',
      needs: ['number'],
      draw: (at) => `(${at.the('number')} ${at.random.pick(['=', '+=', '-='])} ${at.number()})`,
    },
    {
      name: '++ in an expression',
      needs: ['number'],
      draw: (at) => at.random.pick([`${at.the('number')}++`, `--${at.the('number')}`]),
    },
  ],
  conditions: [
    { name: '==', draw: (at) => `${at.number()} == ${at.literal()}` },
    { name: 'a comparison of two numbers', draw: (at) => `${at.number()} > ${at.number()}` },
    { name: '% in a condition', draw: (at) => `${at.number()} % 2 === 0` },
    { name: 'a number as a condition', draw: (at) => at.number() },
    { name: '!', draw: (at) => `!(${at.condition()})` },
    { name: '! of a number', draw: (at) => `!${at.leaf()}` },
    { name: '&&', draw: (at) => `(${at.condition()} && ${at.condition()})` },
    { name: '||', draw: (at) => `(${at.condition()} || ${at.condition()})` },
    { name: 'a plain condition', draw: (at) => at.plainCondition() },
  ],
  statements: [
    { name: 'assignment', draw: (at) => at.assignment() },
    { name: 'declaration', draw: (at) => at.define('number', at.number()) },
    {
      name: 'compound assignment',
      needs: ['number'],
      draw: (at) => `${at.the('number')} ${at.random.pick(['+=', '-='])} ${at.number()};`,
    },
    {
      name: 'logical assignment',
      needs: ['number'],
      draw: (at) => `${at.the('number')} ${at.random.pick(['||=', '&&=', '??='])} ${at.number()};`,
    },
    { name: 'increment', needs: ['number'], draw: (at) => `${at.the('number')}${at.random.pick(['++', '--'])};` },
    {
      name: 'swap of variables',
      needs: ['number'],
      draw: (at) => {
        const [a, b] = [at.the('number'), at.the('number')];
        return `[${a}, ${b}] = [${b}, ${a}];`;
      },
    },
    {
      name: 'destructuring of an array',
      draw: (at) => {
        const values = `[${at.number()}, ${at.number()}]`;
        return `let [${at.declare('number')}, ${at.declare('number')} = 4, ${at.declare('number')} = 5] = ${values};`;
      },
    },
    {
      name: 'a condition kept in a variable',
      needs: ['number'],
      draw: (at) => {
        const [name, test] = [at.fresh('c'), at.condition()];
        return `const ${name} = ${test}; if (${name}) ${at.block({ traced: true })}`;
      },
    },
  ],
};
