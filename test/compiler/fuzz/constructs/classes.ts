import type { Construct, Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

const onInstance = (name: string, draw: (i: string, at: Draw) => string): Construct => ({
  name,
  needs: ['instance'],
  draw: (at) => draw(at.the('instance'), at),
});

/** Objects of classes: fields, private and static ones too, methods, accessors, subclasses. */
export const classes: Constructs = {
  statements: [
    onInstance('method that writes a field', (i, at) => `${i}.add(${at.number()});`),
    onInstance('methods in a chain', (i, at) => `${i}.add(${at.number()}).add(1);`),
    onInstance('field of an instance', (i, at) => `${i}.v ${at.random.pick(['=', '+=', '-='])} ${at.number()};`),
    onInstance('private field', (i) => `${i}.count();`),
    onInstance('setter of a class', (i, at) => `${i}.level = ${at.number()};`),
    onInstance('field added to an instance', (i, at) => `${i}.extra = ${at.number()};`),
    { name: 'static field', draw: () => 'Cell.made += 1;' },
    {
      name: 'new instance',
      draw: (at) => at.define('instance', `new ${at.random.pick(['Cell', 'Double'])}(${at.number()})`),
    },
    {
      name: 'instance made in a branch',
      draw: (at) => {
        const [first, test, second] = [at.number(), at.condition(), at.number()];
        const name = at.declare('instance');
        return `let ${name} = new Cell(${first}); if (${test}) ${name} = new Cell(${second});`;
      },
    },
    {
      name: 'instance made in a loop over rows',
      needs: ['number'],
      draw: (at) => {
        const [i, row, x] = [at.fresh('i'), at.fresh('r'), at.the('number')];
        return `for (const ${row} of V([2, 5])) { const ${i} = new Double(${row}); ${i}.add(1); ${x} += ${i}.v; }`;
      },
    },
  ],
  numbers: [
    onInstance('field read', (i) => `${i}.v`),
    onInstance('getter', (i) => `${i}.total`),
    onInstance('method with an early return', (i) => `${i}.isBig()`),
    { name: 'static field read', draw: () => 'Cell.made' },
  ],
  conditions: [onInstance('instanceof', (i) => `${i} instanceof Cell`)],
};
