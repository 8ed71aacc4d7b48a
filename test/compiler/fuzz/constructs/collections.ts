import type { Construct, Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

const key = (at: Draw): string => at.find('plain') ?? String(at.random.below(4));
const onMap = (name: string, draw: (m: string, at: Draw) => string): Construct => ({
  name,
  needs: ['map'],
  draw: (at) => draw(at.the('map'), at),
});
const onSet = (name: string, draw: (s: string, at: Draw) => string): Construct => ({
  name,
  needs: ['set'],
  draw: (at) => draw(at.the('set'), at),
});
const onTyped = (name: string, draw: (t: string, at: Draw) => string): Construct => ({
  name,
  needs: ['typed'],
  draw: (at) => draw(at.the('typed'), at),
});
const onlyPlain = (construct: Construct): Construct => ({ ...construct, onlyPlain: true });

/** Maps, Sets, WeakMaps, typed arrays and iterators. */
export const collections: Constructs = {
  statements: [
    onMap('Map.set of a key that is there', (m, at) => `${m}.set(0, ${at.number()});`),
    onlyPlain(onMap('Map.set', (m, at) => `${m}.set(${key(at)}, ${at.number()});`)),
    onlyPlain(
      onMap(
        'Map.set in both branches',
        (m, at) => `if (${at.condition()}) ${m}.set(1, ${at.number()}); else ${m}.set(1, ${at.number()});`,
      ),
    ),
    onlyPlain(onMap('Map.delete', (m) => `${m}.delete(1);`)),
    onMap('Map.forEach', (m, at) => {
      const x = at.find('number');
      return x === undefined ? at.assignment() : `${m}.forEach((v, k) => { ${x} += v * k; });`;
    }),
    onMap('for…of over a Map', (m, at) => {
      const x = at.find('number');
      return x === undefined ? at.assignment() : `for (const [k, v] of ${m}) ${x} += k - v;`;
    }),
    onMap('count in a Map', (m, at) => `${m}.set(0, ${m}.get(0) + ${at.number()});`),
    onlyPlain(onSet('Set.add', (s, at) => `${s}.add(${key(at)});`)),
    onlyPlain(onSet('Set.delete', (s, at) => `${s}.delete(${key(at)});`)),
    onSet('Set.add of what is there', (s) => `${s}.add(0);`),
    {
      name: 'WeakMap',
      needs: ['object'],
      draw: (at) => {
        const w = at.fresh('w');
        const o = at.the('object');
        const change = at.traced && !at.random.once(8) ? '' : `${w}.set(${o}, ${at.number()});`;
        return `const ${w} = new WeakMap([[${o}, ${at.number()}]]); ${change} ${at.define('number', `${w}.get(${o})`)}`;
      },
    },
    onlyPlain(onTyped('write to a typed array', (t, at) => `${t}[${at.random.below(3)}] = ${at.random.below(5)};`)),
    onlyPlain(onTyped('fill of a typed array', (t, at) => `${t}.fill(${at.random.below(5)});`)),
    onlyPlain({
      name: 'iterator advanced',
      draw: (at) => {
        const t = at.fresh('t');
        const test = at.random.once(8) ? at.condition() : at.plainCondition();
        return `const ${t} = [3, 4, 5][Symbol.iterator](); if (${test}) ${t}.next(); ${at.define('value', `${t}.next().value`)}`;
      },
    }),
    onlyPlain({
      name: 'generator advanced',
      draw: (at) => {
        const [g, t] = [at.fresh('g'), at.fresh('t')];
        const head = `const ${g} = function* () { let n = 0; while (true) yield n++; }; const ${t} = ${g}();`;
        return `${head} ${t}.next(); ${at.define('value', `${t}.next().value`)}`;
      },
    }),
  ],
  numbers: [
    onMap('Map.get', (m, at) => `(${m}.get(${key(at)}) ?? ${at.number()})`),
    onMap('Map.size', (m) => `${m}.size`),
    onMap('values of a Map', (m) => `[...${m}.values()][0]`),
    onSet('Set.size', (s) => `${s}.size`),
    onTyped('element of a typed array', (t, at) => `${t}[${at.random.below(3)}]`),
  ],
  conditions: [
    onMap('Map.has', (m, at) => `${m}.has(${key(at)})`),
    onSet('Set.has', (s, at) => `${s}.has(${key(at)})`),
  ],
};
