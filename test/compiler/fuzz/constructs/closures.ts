import type { Constructs } from '../construct.ts';

/** Functions that keep variables, and functions that were not compiled. */
export const closures: Constructs = {
  statements: [
    { name: 'counter of a factory', needs: ['counter'], draw: (at) => `${at.the('counter')}.up();` },
    {
      name: 'counter of a factory, by a number',
      needs: ['counter'],
      draw: (at) => `${at.the('counter')}.up(${at.number()});`,
    },
    {
      name: 'closure over a variable',
      needs: ['number'],
      draw: (at) => {
        const [f, x] = [at.fresh('f'), at.the('number')];
        return `const ${f} = () => { ${x} += ${at.number()}; }; if (${at.condition()}) ${f}();`;
      },
    },
    {
      name: 'closure kept in a Map',
      needs: ['number'],
      draw: (at) => {
        const [m, x] = [at.fresh('m'), at.the('number')];
        const call = `${m}.get('go')(${at.number()});`;
        return `const ${m} = new Map([['go', (v) => { ${x} -= v; }]]); if (${at.condition()}) ${call}`;
      },
    },
    {
      name: 'bind, call and apply',
      draw: (at) => {
        const f = at.fresh('f');
        const way = at.random.pick([
          `${f}.call(null, ${at.number()})`,
          `${f}.apply(null, [${at.number()}])`,
          `${f}.bind(null, 2)()`,
        ]);
        return `const ${f} = (v) => v + 1; ${at.define('number', way)}`;
      },
    },
    {
      name: 'variable of the module',
      draw: (at) => `shared += ${at.number()};`,
    },
    { name: 'effect of a function that is not compiled', onlyPlain: true, draw: () => 'library.bump();' },
    { name: 'field of an object of another module', draw: (at) => `library.state.v = ${at.number()};` },
  ],
  numbers: [
    { name: 'value of a factory', needs: ['counter'], draw: (at) => `${at.the('counter')}.get()` },
    { name: 'variable of the module, read', draw: () => 'shared' },
    { name: 'function that is not compiled', onlyPlain: true, draw: (at) => `library.twice(${at.find('plain') ?? 1})` },
  ],
};
