/*
 * What the library makes for itself stands in the place of values that only the run tells. No program may meet it:
 * wherever such a value goes there is JavaScript's value, or an error at the line of the program.
 */

/** How `m` comes to be one of several values; `n` is -1 or 1. */
export const VALUES: Readonly<Record<string, (n: number) => string>> = {
  'undefined or a tensor': (n) => `let m; if (T(${n}) > 0) m = T(7);`,
  'undefined or a number': (n) => `let m; if (T(${n}) > 0) m = 7;`,
  'null or 0': (n) => `let m = null; if (T(${n}) > 0) m = 0;`,
  'two texts': (n) => `const m = T(${n}) > 0 ? 'a' : 'undefined';`,
  'a text or a number': (n) => `let m = 'b'; if (T(${n}) > 0) m = 7;`,
  'null or an object': (n) => `let m = null; if (T(${n}) > 0) m = { v: T(3) };`,
  'undefined or an array': (n) => `let m; if (T(${n}) > 0) m = [1, T(2)];`,
  'undefined or an instance': (n) => `let m; if (T(${n}) > 0) m = new Cell(2);`,
  'two functions': (n) =>
    `const named = (f) => Object.assign(f, { toString: () => 'f' }); const f = named((x = 1) => x); const g = named(() => 7); let m = f; if (T(${n}) > 0) m = g;`,
  'undefined or a function': (n) =>
    `const f = Object.assign(() => 7, { toString: () => 'f' }); let m; if (T(${n}) > 0) m = f;`,
  'a return out of a loop': (n) =>
    `const f = () => { for (const i of [0, 1, 2]) if (T(i) > ${n}) return i; }; const m = f();`,
  'a return on one side': (n) => `const f = () => { if (T(${n}) > 0) return 'x'; }; const m = f();`,
  'a row that a loop finds': (n) => `let m; for (const r of V([1, 5])) if (r > ${n * 5}) { m = r; break; }`,
  'a property that one side makes': (n) => `const o = { m: undefined }; if (T(${n}) > 0) o.m = 7; const { m } = o;`,
  'an array that a branch filled': (n) => `const m = []; if (T(${n}) > 0) m.push(7);`,
  'an entry of such an array': (n) => `const a = [1]; if (T(${n}) > 0) a.push(7); const m = a[0];`,
  'a number or a truth': (n) => `let m = T(2); if (T(${n}) > 0) m = m > 1;`,
};

/** Where it goes: expressions of numbers and truths. */
export const PLACES: readonly string[] = [
  ...["typeof m === 'number'", "typeof m === 'undefined'", "typeof m === 'string'", "typeof m === 'function'"],
  ...["typeof m === 'object'", 'm === undefined', 'm == null', 'm === null', "m === 'undefined'", 'm !== 7', 'm == 7'],
  ...[
    '!m',
    'm ? 1 : 0',
    '(m ?? 3) === 3',
    '(m || 3) === 3',
    '(m && 3) === 3',
    'm > 1',
    'm + 1 > 3',
    '-m < 0',
    'm * 2 > 3',
  ],
  ...['[m].length', '[m][0] === undefined', '({ m }).m === undefined', 'void m === undefined', '(0, m) === undefined'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a program.
  ...['`${m}`.length', "('x' + m).length", 'String(m).length', 'Number(m) > 0', 'Boolean(m)', 'isNaN(m)', '~m === -8'],
  ...['JSON.stringify([m]).length', 'JSON.stringify({ m }).length', '[m].join().length', '[m, m].sort().length'],
  ...[
    '[m].includes(undefined)',
    '[1, m].indexOf(7)',
    '[7, 0].includes(m)',
    'new Set([m]).has(undefined)',
    'new Set([undefined]).has(m)',
  ],
  ...['new Map([[m, 1]]).size', 'new Map([[1, m]]).get(1) === undefined', 'new Map([[undefined, 4]]).get(m) === 4'],
  ...['Object.keys({ [m]: 1 })[0].length', '({ a: 1, undefined: 2, 7: 3, 0: 4 })[m] === 2', '[5, 6, 7][m] === 6'],
  ...[
    'm instanceof Object',
    'm instanceof Cell',
    'm instanceof Array',
    "'v' in m",
    "'v' in Object(m)",
    'Array.isArray(m)',
  ],
  ...[
    'Object.is(m, undefined)',
    '[...[m]].length',
    '[...m].length',
    'Object.keys({ ...m }).length',
    '((...x) => x.length)(m)',
  ],
  ...[
    '((x) => x === undefined)(m)',
    '((x = 3) => x === 3)(m)',
    '(([x = 3]) => x === 3)([m])',
    '(({ m: x = 3 }) => x === 3)({ m })',
  ],
  ...[
    '[m].map((x) => x === undefined ? 1 : 0)[0]',
    '[m].filter((x) => x).length',
    '[m].some((x) => x)',
    '[m].find((x) => x) === m',
  ],
  ...[
    '[m].flat().length',
    '[m].concat(m).length',
    '[1].concat(m).length',
    '[m].reduce((a, x) => a + 1, 0)',
    'Array.from([m]).length',
  ],
  ...['library.twice(m) > 2', 'library.twice([m]) > 2', 'library.twice({ m }) > 2', 'library.twice.call(null, m) > 2'],
  ...[
    'm?.v === undefined',
    'm?.length === 2',
    'm.v === undefined',
    'm.length === 2',
    'm?.[0] === 1',
    'm[0] === 1',
    'm() === 7',
    'm?.() === 7',
  ],
  ...[
    'm.toString().length',
    'Object.assign({}, { m }).m === undefined',
    'Object.assign({ k: 1 }, m).k',
    'Object.values({ m })[0] === undefined',
  ],
  ...[
    'structuredClone([m])[0] === undefined',
    'Reflect.get({ m }, "m") === undefined',
    'new Cell(m).v === undefined',
    'new Array(m).length',
  ],
  ...[
    'new Date(m) > 1',
    'parseInt(m, 10) > 1',
    'Math.max(m, 1) > 1',
    '[m].map(Math.abs)[0] > 1',
    'Symbol(m).description.length',
  ],
  '(() => { try { throw m; } catch (e) { return e === undefined; } })()',
  '(() => { for (const x of [m]) if (x === undefined) return 1; return 0; })()',
  '(() => { let k = 0; for (const x of m) k++; return k; })()',
  '(() => { let k = 0; for (const x in m) k++; return k; })()',
  '(() => { switch (m) { case undefined: return 1; case 7: return 2; case "a": return 3; } return 4; })()',
  '(() => { let k = 0; while (m === undefined && k < 2) k++; return k; })()',
  '(() => { let x = m; x ??= 3; return x === 3; })()',
  '(() => { const o = { m }; o.m &&= 3; return o.m === 3; })()',
  '(() => { const o = {}; o.x = m; return o.x === undefined; })()',
  '(() => { const a = []; a[1] = m; a.push(m); return a.length; })()',
  '(() => { let k = 1; k += m; return k > 3; })()',
  '(() => { let x = m; x++; return x > 3; })()',
  '(() => { let k = 0; if (T(1) > 0) { if (m) k = 1; else k = 2; } return k; })()',
  '(() => { let k = 0; for (const r of V([1, 2])) { if (m === undefined) k += r; } return k; })()',
  '(() => { let x; for (const r of V([1, 2])) { x = m; } return x === undefined; })()',
  '(() => { const x = T(1) > 0 ? m : 4; return x === undefined; })()',
];
