import type { Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

/** The body of a loop that runs about `times` times, over an item that it may read. */
function body(at: Draw, times: number, item: string | null, traced: boolean, label: string | null = null): string {
  const place = { loop: true, times: at.place.times * times, traced: at.traced || traced };
  const labels = label === null ? at.place.labels : [...at.place.labels, label];
  return at.block({ ...place, labels }, (inner) => {
    if (item !== null) inner.declare('value', item);
    return label === null ? '' : jumpOfInner(inner, label);
  });
}

/** A loop that ends or goes on with the one around it. */
function jumpOfInner(at: Draw, label: string): string {
  const kind = at.random.pick(['break', 'continue']);
  at.shared.drawn.add(`labelled ${kind}`);
  const [item, test] = [at.fresh('i'), at.condition()];
  const items = at.random.pick(['[0, 1]', '[0, 1]', 'V([2, 5])']);
  const text = `for (const ${item} of ${items}) { if (${item} > 0 && ${test}) ${kind} ${label}; ${at.assignment()} }`;
  at.jumps();
  return text;
}

const numbersOf = (at: Draw): string => `[${at.number()}, ${at.number()}, ${at.number()}]`;
const vector = (at: Draw): string => at.find('rows') ?? `V([${at.literal()}, ${at.literal()}, ${at.literal()}])`;

const loop = (name: string, draw: (at: Draw) => string) => ({
  name,
  draw: (at: Draw) => (at.isDeep ? undefined : draw(at)),
});

/** Loops over plain values, which are unrolled, and over traced ones, which are loops of the graph. */
export const loops: Constructs = {
  statements: [
    loop('for…of over rows', (at) => {
      const row = at.fresh('r');
      return `for (const ${row} of ${vector(at)}) ${body(at, 3, row, true)}`;
    }),
    loop('for…of over an array', (at) => {
      const item = at.fresh('i');
      return `for (const ${item} of ${numbersOf(at)}) ${body(at, 3, item, false)}`;
    }),
    loop('for with a counter', (at) => {
      const i = at.fresh('i');
      return `for (let ${i} = 0; ${i} < 3; ${i}++) ${body(at, 3, i, false)}`;
    }),
    loop('labelled loop', (at) => {
      const [label, item] = [at.fresh('L'), at.fresh('i')];
      return `${label}: for (const ${item} of ${numbersOf(at)}) ${body(at, 3, item, false, label)}`;
    }),
    loop('labelled loop over rows', (at) => {
      const [label, row] = [at.fresh('L'), at.fresh('r')];
      return `${label}: for (const ${row} of ${vector(at)}) ${body(at, 3, row, true, label)}`;
    }),
    loop('while on a traced condition', (at) => {
      const w = at.fresh('w');
      const start = `let ${w} = T(${at.literal()}); while (${w} < 5)`;
      return `${start} { ${w} += 2; ${body(at, 3, w, true)} }`;
    }),
    loop('for on a traced condition', (at) => {
      const w = at.fresh('w');
      return `for (let ${w} = T(${at.literal()}); ${w} < 5; ${w} += 2) ${body(at, 3, w, true)}`;
    }),
    loop('while on a plain condition', (at) => {
      const w = at.fresh('w');
      return `let ${w} = 0; while (${w} < 3) { ${w}++; ${body(at, 3, w, false)} }`;
    }),
    loop('do while', (at) => {
      const w = at.fresh('w');
      const start = at.random.pick(['T(1)', '1']);
      return `let ${w} = ${start}; do { ${w} += 2; ${body(at, 3, w, start !== '1')} } while (${w} < 5);`;
    }),
    loop('while (true) that a traced condition ends', (at) => {
      const w = at.fresh('w');
      const head = at.random.pick(['while (true)', 'for (;;)']);
      return `let ${w} = T(${at.literal()}); ${head} { ${w} += 2; if (${w} > 4) break; ${body(at, 3, w, true)} }`;
    }),
    loop('while (true) over a queue', (at) => {
      const [queue, item] = [at.fresh('q'), at.fresh('i')];
      const head = `const ${queue} = ${numbersOf(at)}; while (true) { const ${item} = ${queue}.shift();`;
      return `${head} if (${item} === undefined) break; ${body(at, 3, item, false)} }`;
    }),
    loop('a stack that grows while it is worked off', (at) => {
      const [stack, item] = [at.fresh('q'), at.fresh('i')];
      const head = `const ${stack} = [${at.number()}, 3]; while (${stack}.length > 0) { const ${item} = ${stack}.pop();`;
      return `${head} if (${item} === 3) ${stack}.push(1, 0); ${body(at, 4, item, false)} }`;
    }),
    loop('a queue that a traced condition ends', (at) => {
      const [queue, item] = [at.fresh('q'), at.fresh('i')];
      const head = `const ${queue} = ${numbersOf(at)}; while (${queue}.length > 0) { const ${item} = ${queue}.shift();`;
      return `${head} if (${item} > ${at.literal()}) break; ${body(at, 3, item, true)} }`;
    }),
    loop('for (;;) over an iterator', (at) => {
      const [iterator, item] = [at.fresh('t'), at.fresh('i')];
      const head = `const ${iterator} = ${numbersOf(at)}.values(); for (;;) { const ${item}n = ${iterator}.next();`;
      return `${head} if (${item}n.done) break; const ${item} = ${item}n.value; ${body(at, 3, item, false)} }`;
    }),
    loop('for (;;) with a Set', (at) => {
      const [set, i] = [at.fresh('s'), at.fresh('i')];
      const head = `const ${set} = new Set(); let ${i} = 0; for (;;) { ${set}.add(${i} + ${set}.size);`;
      return `${head} if (++${i} > 2) break; ${body(at, 3, i, false)} } ${at.define('value', `${set}.size`)}`;
    }),
    loop('long loop with a traced break', (at) => {
      const x = at.find('number');
      if (x === undefined || at.place.times > 1 || at.traced) return at.assignment();
      const [i, test] = [at.fresh('i'), at.condition()];
      const end = at.random.pick(['break', 'continue']);
      return `for (let ${i} = 0; ${i} < 40; ${i}++) { if (${i} > T(${at.random.below(50)}) || ${test}) ${end}; ${x} += 1; }`;
    }),
    loop('for…in', (at) => {
      const key = at.fresh('k');
      return `for (const ${key} in { p: 1, q: 2 }) ${body(at, 2, null, false)}`;
    }),
    loop('a pattern in the head of a loop', (at) => {
      const [a, b] = [at.fresh('i'), at.fresh('i')];
      const pairs = `[[${at.number()}, ${at.number()}], [${at.number()}]]`;
      return `for (const [${a}, ${b} = 2] of ${pairs}) ${body(at, 2, at.random.pick([a, b]), false)}`;
    }),
    loop('a member in the head of a loop', (at) => {
      const object = at.find('object');
      if (object === undefined) return at.assignment();
      const target = at.random.pick([`${object}.p`, `[${object}.q]`]);
      const items = target.startsWith('[') ? `[[${at.number()}], [${at.number()}]]` : numbersOf(at);
      return `for (${target} of ${items}) ${body(at, 3, null, false)}`;
    }),
    loop('functions that a loop makes', (at) => {
      const [made, i] = [at.fresh('m'), at.fresh('i')];
      const head = `const ${made} = []; for (let ${i} = 0; ${i} < 3; ${i}++) ${made}.push(() => ${i} + ${at.number()});`;
      return `${head} ${at.define('number', `${made}[${at.random.below(3)}]()`)}`;
    }),
  ],
};
