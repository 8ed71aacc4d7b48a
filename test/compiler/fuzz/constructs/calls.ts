import type { Callable, Construct, Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';

const use = (name: string, gives: Callable['gives'], write: (call: string, at: Draw) => string): Construct => ({
  name,
  follows: true,
  draw: (at) => {
    const call = at.call(gives);
    return call === undefined ? undefined : write(call, at);
  },
});

/** How what a function gives can be used as a number. */
const AS_NUMBER: Readonly<Record<Callable['gives'], readonly Construct[]>> = {
  number: [
    use('a call', 'number', (call) => call),
    use('a call, calculated with', 'number', (call) => `(${call} * 2)`),
    use('a call, compared and chosen by', 'number', (call, at) => `(${call} > 0 ? ${at.number()} : 3)`),
  ],
  maybe: [
    use('a call that may give nothing', 'maybe', (call) => `(${call} ?? 6)`),
    use('a call that may give nothing, compared', 'maybe', (call) => `(${call} === undefined ? 1 : 0)`),
    use('a call that may give nothing, chosen by', 'maybe', (call) => `(${call} ? 5 : 2)`),
  ],
  object: [use('a field of what a call gives', 'object', (call) => `${call}.p`)],
  list: [use('an element of what a call gives', 'list', (call) => `${call}[1]`)],
};

/** A first use of a function, so that none is declared for nothing. */
export function firstUse(at: Draw, gives: Callable['gives']): string {
  const form = at.random.pick(AS_NUMBER[gives]);
  const text = form.draw(at);
  if (text === undefined) return '';
  at.shared.drawn.add(form.name);
  return at.define('number', text);
}

/** Calls of the functions that the program has declared so far. */
export const calls: Constructs = {
  numbers: Object.values(AS_NUMBER).flat(),
  conditions: [
    use('a call as a condition', 'number', (call) => call),
    use('a call in a comparison', 'number', (call) => `${call} >= 0`),
    use('! of a call', 'number', (call) => `!${call}`),
  ],
};
