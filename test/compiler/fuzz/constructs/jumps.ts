import type { Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

/** A jump on a traced condition: what follows depends on it. */
function jump(at: Draw, to: string): string {
  const test = at.condition();
  at.jumps();
  return at.random.once(3) ? `if (${test}) { ${at.assignment()} ${to}; }` : `if (${test}) ${to};`;
}

/** Jumps out of loops and functions. */
export const jumps: Constructs = {
  statements: [
    { name: 'break', follows: true, draw: (at) => (at.place.loop ? jump(at, 'break') : undefined) },
    { name: 'continue', follows: true, draw: (at) => (at.place.loop ? jump(at, 'continue') : undefined) },
    {
      name: 'break on a plain condition',
      follows: true,
      draw: (at) => (at.place.loop ? `if (${at.plainCondition()}) break;` : undefined),
    },
    {
      name: 'labelled break',
      follows: true,
      draw: (at) => {
        const { labels } = at.place;
        return labels.length > 0 ? jump(at, `break ${at.random.pick(labels)}`) : undefined;
      },
    },
    {
      name: 'labelled continue',
      follows: true,
      draw: (at) => {
        const { labels } = at.place;
        return labels.length > 0 ? jump(at, `continue ${at.random.pick(labels)}`) : undefined;
      },
    },
    {
      name: 'early return',
      follows: true,
      draw: (at) => {
        const { returns } = at.place;
        return returns ? jump(at, `return ${returns(at)}`) : undefined;
      },
    },
  ],
};
