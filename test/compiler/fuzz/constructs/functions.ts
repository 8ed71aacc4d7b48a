import type { Callable, Constructs } from '../construct.ts';
import type { Draw } from '../draw.ts';
import { firstUse } from './calls.ts';

/** A function of the program: its parameters and its body, in which `returns` may stand. */
function define(
  at: Draw,
  gives: Callable['gives'],
  returns: (inner: Draw) => string,
  body: (inner: Draw, parameters: readonly string[]) => string,
  head: (name: string, parameters: readonly string[]) => string = (name, all) => `const ${name} = (${all}) =>`,
): string {
  const parameters = [at.fresh('v'), at.fresh('v')].slice(0, 1 + at.random.below(2));
  const inner = at.inside({ returns, loop: false, labels: [], times: 1, depth: at.place.depth + 1 });
  for (const one of parameters) inner.declare('value', one);
  const before = at.shared.cost;
  const text = body(inner, parameters);
  const cost = 1 + at.shared.cost - before;
  at.shared.cost = before;
  const name = at.fresh('f');
  at.functions.push({ name, arity: parameters.length, gives, cost });
  const start = head(name, parameters);
  return `${start} { ${text} }${start.startsWith('const') ? ';' : ''} ${firstUse(at, gives)}`;
}

const number = (inner: Draw): string => inner.number();
const endsIn = (inner: Draw, returns: (at: Draw) => string): string => {
  const text = inner.statements(2);
  return `${text}\nreturn ${returns(inner)};`;
};
const early = (inner: Draw, returns: (at: Draw) => string): string => {
  const first = `if (${inner.condition()}) return ${returns(inner)};`;
  inner.traced = true;
  return `${first}\n${endsIn(inner, returns)}`;
};
const object = (inner: Draw): string => `{ p: ${inner.number()}, q: ${inner.number()} }`;
const list = (inner: Draw): string => `[${inner.number()}, ${inner.number()}]`;

const helper = (name: string, draw: (at: Draw) => string) => ({
  name,
  draw: (at: Draw) => (at.isDeep || at.place.depth > 2 ? undefined : draw(at)),
});

/** Helper functions: declared here, called wherever a number may stand. */
export const functions: Constructs = {
  statements: [
    helper('helper', (at) => define(at, 'number', number, (inner) => endsIn(inner, number))),
    helper('function declaration', (at) =>
      define(
        at,
        'number',
        number,
        (inner) => endsIn(inner, number),
        (name, all) => `function ${name}(${all})`,
      ),
    ),
    helper('helper with an early return', (at) => define(at, 'number', number, (inner) => early(inner, number))),
    helper('return out of an ordinary loop', (at) => {
      const i = at.fresh('i');
      const head = at.random.pick([`for (let ${i} = 0; ${i} < 4; ${i}++)`, `for (const ${i} of [2, 4, 6])`]);
      return define(at, 'number', number, (inner, [v]) => {
        const test = inner.random.pick([`${v} < ${i}`, `T(${i} * 2) > ${v}`, inner.condition()]);
        return `${head} { if (${test}) return ${inner.random.pick([i, inner.number()])}; } return -1;`;
      });
    }),
    helper('return out of a while loop', (at) => {
      const i = at.fresh('i');
      return define(at, 'number', number, (inner, [v]) => {
        const body = `if (T(${i}) > ${v}) return ${inner.random.pick([i, inner.number()])}; ${i}++;`;
        return `let ${i} = 0; while (${i} < 4) { ${body} } return ${inner.number()};`;
      });
    }),
    helper('return out of a loop over rows', (at) => {
      const r = at.fresh('r');
      return define(at, 'number', number, (inner, [v]) => {
        const result = inner.random.pick([r, `${r} + 1`, '7']);
        return `for (const ${r} of V([1, 5, 3])) if (${r} > ${v}) return ${result}; return -1;`;
      });
    }),
    helper('a total that is returned out of a loop', (at) => {
      const [t, r] = [at.fresh('t'), at.fresh('r')];
      const items = at.random.pick(['V([1, 5, 3])', '[1, 5, 3]']);
      return define(at, 'number', number, (_, [v]) => {
        return `let ${t} = 0; for (const ${r} of ${items}) { ${t} += ${r}; if (${t} > ${v}) return ${t}; } return ${t};`;
      });
    }),
    helper('an element at the place that a call gives', (at) => {
      const [f, value] = [at.fresh('f'), at.number()];
      const body = `for (let i = 0; i < 3; i++) if (T(i * 2) > v) return i; return 3;`;
      return `const ${f} = (v) => { ${body} }; ${at.define('number', `[7, 8, 9, 4][${f}(${value})]`)}`;
    }),
    helper('helper whose one side returns nothing', (at) => {
      const test = (inner: Draw) => inner.condition();
      return define(
        at,
        'maybe',
        () => '',
        (inner) => `if (${test(inner)}) return ${inner.number()};`,
      );
    }),
    helper('helper whose loop returns something or nothing', (at) => {
      const i = at.fresh('i');
      const items = at.random.pick(['V([1, 5, 3])', '[1, 5, 3]']);
      const body = (v: string) => `for (const ${i} of ${items}) if (${i} > ${v}) return ${i};`;
      return define(
        at,
        'maybe',
        () => '',
        (_, [v]) => body(v!),
      );
    }),
    helper('helper that returns an object', (at) => define(at, 'object', object, (inner) => early(inner, object))),
    helper('helper that returns an array', (at) => define(at, 'list', list, (inner) => early(inner, list))),
    helper('helper with a default value', (at) => {
      const extra = at.fresh('v');
      const head = (name: string, all: readonly string[]) => `const ${name} = (${all}, ${extra} = ${all[0]} + 1) =>`;
      return define(at, 'number', number, (inner) => `return ${inner.number()} + ${extra};`, head);
    }),
    helper('rest and spread of parameters', (at) => {
      const f = at.fresh('f');
      const sum = `const ${f} = (...all) => { let t = 0; for (const one of all) t += one; return t; };`;
      return `${sum} ${at.define('number', `${f}(...[${at.number()}, ${at.number()}], ${at.number()})`)}`;
    }),
    helper('recursion on a plain value', (at) => {
      const [f, v] = [at.fresh('f'), at.number()];
      const body = `n === 0 ? v : ${f}(n - 1, v + n)`;
      return `const ${f} = (n, v) => ${body}; ${at.define('number', `${f}(3, ${v})`)}`;
    }),
    helper('recursion on a traced value', (at) => {
      const [f, v] = [at.fresh('f'), at.number()];
      const again = at.random.pick([`${f}(v - 1, n - 1) + 1`, `${f}(v * 2, n - 1)`]);
      const body = `n === 0 || v < ${at.literal()} ? v : ${again}`;
      return `const ${f} = (v, n) => ${body}; ${at.define('number', `${f}(${v}, 3)`)}`;
    }),
    helper('function that is called at once', (at) => {
      const inner = at.inside({ returns: number, loop: false, labels: [] });
      const text = early(inner, number);
      return at.define('number', `(() => { ${text} })()`);
    }),
    helper('callback that is called on a condition', (at) => {
      const f = at.fresh('f');
      const callback = at.inside({ returns: () => '', loop: false, labels: [], traced: true });
      const head = `const ${f} = (c, then) => { if (c) then(); };`;
      return `${head} ${f}(${at.condition()}, () => { ${callback.statements(2)} });`;
    }),
    helper('callback taken from a container', (at) => {
      const [o, callback] = [at.fresh('o'), at.inside({ returns: () => '', loop: false, labels: [], traced: true })];
      const call = at.random.pick([`${o}.go()`, `${o}['go']()`, `${o}.all[0]()`, `${o}.all.at(-1)()`]);
      const body = `() => { ${callback.statements(2)} }`;
      return `const ${o} = { go: ${body}, all: [] }; ${o}.all.push(${o}.go); if (${at.condition()}) ${call};`;
    }),
  ],
};
