import type { Constructs } from '../construct.ts';

/** Branches on traced and on plain conditions. */
export const branches: Constructs = {
  numbers: [
    { name: '?:', draw: (at) => `(${at.condition()} ? ${at.number()} : ${at.number()})` },
    { name: '&& as a value', draw: (at) => `(${at.number()} && ${at.number()})` },
    { name: '|| as a value', draw: (at) => `(${at.number()} || ${at.number()})` },
    { name: '?? of a number', draw: (at) => `(${at.number()} ?? ${at.literal()})` },
  ],
  statements: [
    {
      name: 'if',
      draw: (at) => (at.isDeep ? undefined : `if (${at.condition()}) ${at.block({ traced: true })}`),
    },
    {
      name: 'if and else',
      draw: (at) => {
        if (at.isDeep) return undefined;
        return `if (${at.condition()}) ${at.block({ traced: true })} else ${at.block({ traced: true })}`;
      },
    },
    {
      name: 'else if',
      draw: (at) => {
        if (at.isDeep) return undefined;
        const side = () => `if (${at.condition()}) ${at.block({ traced: true })}`;
        return `${side()} else ${side()} else ${at.block({ traced: true })}`;
      },
    },
    {
      name: 'if on a plain condition',
      draw: (at) => (at.isDeep ? undefined : `if (${at.plainCondition()}) ${at.block()} else ${at.block()}`),
    },
    {
      name: 'switch on a plain value',
      needs: ['plain'],
      draw: (at) => {
        if (at.isDeep) return undefined;
        const inner = { loop: false, labels: [] };
        return `switch (${at.the('plain')}) { case 0: ${at.block(inner)} case 1: ${at.block(inner)} break; default: ${at.block(inner)} }`;
      },
    },
    {
      name: 'switch on a number',
      draw: (at) => {
        if (at.isDeep) return undefined;
        const inner = { loop: false, labels: [], traced: true };
        const [value, one, two] = [at.number(), at.block(inner), at.block(inner)];
        const end = at.random.pick(['break;', '']);
        return `switch (${value}) { case 0: case 2: ${one} ${end} case 3: ${two} break; default: ${at.block(inner)} }`;
      },
    },
    {
      name: 'labelled block',
      draw: (at) => {
        if (at.isDeep) return undefined;
        const label = at.fresh('B');
        const inner = at.inside();
        const before = inner.statements(2);
        const test = inner.condition();
        inner.traced = true;
        return `${label}: { ${before}\nif (${test}) break ${label};\n${inner.statements(2)}\n}`;
      },
    },
    {
      name: 'long chain of else if',
      needs: ['number'],
      draw: (at) => {
        if (at.place.times > 1 || (at.traced && !at.random.once(2))) return undefined;
        const [x, y] = [at.the('number'), at.number()];
        const value = at.fresh('w');
        const sides = Array.from({ length: 40 }, (_, i) => `if (${value} === ${i}) ${x} = ${(i * 7) % 9};`);
        return `const ${value} = ${y}; ${sides.join(' else ')} else ${x} = -1;`;
      },
    },
  ],
};
