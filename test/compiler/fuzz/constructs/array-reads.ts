import type { Construct, Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

const read = (name: string, draw: (a: string, at: Draw) => string): Construct => ({
  name,
  needs: ['list', 'grown'],
  draw: (at) => draw(at.find('list', 'grown', 'grown')!, at),
});

/** What arrays are asked, those that the graph filled among them. */
export const arrayReads: Constructs = {
  numbers: [
    read('element', (a) => `${a}[0]`),
    read('element at a traced place', (a) => `${a}[I(0)]`),
    read('length', (a) => `${a}.length`),
    read('length through ?.', (a) => `${a}?.length`),
    read('at', (a, at) => `${a}.at(${at.random.pick(['0', '-1'])})`),
    read('slice', (a, at) => `${a}.slice(${at.random.pick(['0, 1', '0', '-1'])})[0]`),
    read('length of a slice', (a) => `${a}.slice(1).length`),
    read('concat', (a, at) => `${a}.concat([${at.number()}]).length`),
    read('spread into an array', (a, at) => `[${at.number()}, ...${a}].length`),
    read('spread into Math.max', (a) => `Math.max(...${a})`),
    read('reduce', (a) => `${a}.reduce((t, v) => t + v, 0)`),
    read('reduce without a start', (a) => `${a}.reduce((t, v) => Math.max(t, v))`),
    read('map', (a, at) => `${a}.map((v) => v + ${at.number()})[0]`),
    read('map with the position', (a) => `${a}.map((v, i) => v * i).at(-1)`),
    read('map(Math.abs)', (a) => `${a}.map(Math.abs)[0]`),
    read('toReversed, with and the like', (a, at) =>
      at.random.pick([`[...${a}].reverse()[0]`, `${a}.toReversed()[0]`, `${a}.with(0, 3)[0]`]),
    ),
    read('Array.from', (a) => `Array.from(${a}, (v) => v + 1)[0]`),
    read('indexOf', (a, at) => `${a}.indexOf(${at.number()})`),
    read('filter of an array', (a, at) => `${a}.filter((v) => v > ${at.number()}).length`),
    read('find in an array', (a, at) => `(${a}.find((v) => v < ${at.number()}) ?? -1)`),
    read('findIndex in an array', (a, at) => `${a}.findIndex((v) => v === ${at.number()})`),
    read('an entry that may not be there', (a, at) => `(${a}[${at.random.below(5)}] ?? ${at.number()})`),
    read('at of what may not be there', (a, at) => `(${a}.at(${at.literal()}) ?? ${at.number()})`),
    read(
      'sorted copy',
      (a, at) => `${a}.slice().sort((v, w) => ${at.random.pick(['v - w', 'w - v', '(v < w ? -1 : 1)'])})[0]`,
    ),
    read('findLast in an array', (a, at) => `(${a}.findLast((v) => v < ${at.number()}) ?? -1)`),
    read('reduceRight', (a) => `${a}.reduceRight((t, v) => v - t)`),
    read('flatMap', (a, at) => `${a}.flatMap((v) => [v, ${at.leaf()}]).length`),
    read('join', (a) => `${a}.map(() => 'x').join('').length`),
    { name: 'records', needs: ['records'], draw: (at) => `${at.the('records')}[0].${at.random.pick(['p', 'q'])}` },
    { name: 'length of records', needs: ['records'], draw: (at) => `${at.the('records')}.length` },
    { name: 'map of records', needs: ['records'], draw: (at) => `${at.the('records')}.map((o) => o.p + o.q)[0]` },
    { name: 'last of records', needs: ['records'], draw: (at) => `${at.the('records')}.at(-1).p` },
  ],
  conditions: [
    read('includes', (a, at) => `${a}.includes(${at.number()})`),
    read('some and every of an array', (a, at) =>
      at.random.pick([`${a}.some((v) => v > ${at.number()})`, `${a}.every((v) => v > ${at.number()})`]),
    ),
    read('an entry asked for', (a, at) => `${a}[${at.random.below(5)}] ${at.random.pick(['===', '!=='])} undefined`),
    read('length compared', (a, at) => `${a}.length > ${at.random.below(4)}`),
    read('Array.isArray', (a) => `Array.isArray(${a})`),
  ],
  statements: [
    {
      name: 'forEach',
      needs: ['list', 'grown', 'number'],
      draw: (at) => `${at.find('list', 'grown')}.forEach((v) => { ${at.the('number')} += v; });`,
    },
    {
      name: 'for…of over an array that may be filled',
      needs: ['grown', 'number'],
      draw: (at) => `for (const v of ${at.the('grown')}) ${at.the('number')} = v - ${at.leaf()};`,
    },
    {
      name: 'for…of over entries()',
      needs: ['list', 'grown', 'number'],
      draw: (at) => `for (const [i, v] of ${at.find('list', 'grown')}.entries()) ${at.the('number')} += i * v;`,
    },
    {
      name: 'loop over the positions of an array',
      needs: ['list', 'grown', 'number'],
      draw: (at) => {
        const a = at.find('list', 'grown')!;
        return `for (let i = 0; i < ${a}.length; i++) ${at.the('number')} += ${a}[i];`;
      },
    },
    {
      name: 'for…of over records',
      needs: ['records', 'number'],
      draw: (at) => `for (const { p, q } of ${at.the('records')}) ${at.the('number')} += p - q;`,
    },
    { name: 'map kept', needs: ['list'], draw: (at) => at.define('list', `${at.the('list')}.map((v) => v * 2 - 1)`) },
    {
      name: 'copy of an array',
      needs: ['list', 'grown'],
      draw: (at) => at.define('grown', `[...${at.find('list', 'grown')}]`),
    },
    { name: 'alias of an array', needs: ['grown'], draw: (at) => at.define('grown', at.the('grown')) },
    {
      name: 'destructuring of an array that may be filled',
      needs: ['grown'],
      draw: (at) => {
        const a = at.the('grown');
        return `let [${at.declare('number')}, ...${at.fresh('rest')}] = ${a};`;
      },
    },
  ],
};
