import { describe, expect, it } from 'vitest';
import { type Program, plainly, sourceOf, traced } from './differential.ts';

/** Programs that must give what JavaScript gives. */
function follows(programs: Readonly<Record<string, string | Program>>): void {
  it.each(Object.entries(programs))('%s', async (_, given) => {
    const program = typeof given === 'string' ? { body: given } : given;
    expect(await traced(program)).toEqual({ value: plainly(program) });
  });
}

/** Programs that must be refused, at the line that says so. */
function refuses(programs: Readonly<Record<string, readonly [program: string | Program, message: RegExp]>>): void {
  it.each(Object.entries(programs))('%s', async (_, [given, message]) => {
    const program = typeof given === 'string' ? { body: given } : given;
    const result = await traced(program);
    expect(result).toHaveProperty('error', expect.stringMatching(message));
    const line =
      1 +
      sourceOf(program)
        .split('\n')
        .findIndex((one) => one.includes('// here'));
    if (line > 0) expect(result).toHaveProperty('error', expect.stringContaining(`program.ts:${line}:`));
  });
}

const numbers = 'return a.map((q) => save(t(q)));';

describe.each(['-1', '1'])('a branch that is taken if %s > 0', (n) => {
  const when = `if (t(${n}) > 0)`;
  describe('arrays', () => {
    follows({
      'push by another name': `const a = [1, 2]; ${when} a['push'](3); return save(a.length);`,
      'a?.push': `const a: any = [1, 2]; ${when} a?.push(3); return save(a.length);`,
      'push.call': `const a: any = [1, 2]; ${when} Array.prototype.push.call(a, 3); return save(a.length);`,
      'push that was bound': `const a: any = [1, 2]; const add = a.push.bind(a); ${when} add(3); return save(a.length);`,
      pop: `const a = [1, 2]; ${when} a.pop(); return save(a.length);`,
      shift: `const a = [1, 2]; ${when} a.shift(); return save(a.length);`,
      reverse: `const a = [1, 2]; ${when} a.reverse(); ${numbers}`,
      sort: `const a = [2, 1]; ${when} a.sort(); ${numbers}`,
      fill: `const a = [2, 1]; ${when} a.fill(7); ${numbers}`,
      copyWithin: `const a = [2, 1]; ${when} a.copyWithin(0, 1); ${numbers}`,
      'splice of as many': `const a = [2, 1]; ${when} a.splice(0, 1, 9); ${numbers}`,
      'a swap': `const a = [1, 2]; ${when} [a[0], a[1]] = [a[1]!, a[0]!]; ${numbers}`,
      'a pattern with a default': `const a = [1, 2]; ${when} [a[0] = 5] = [] as any; ${numbers}`,
      'the head of a loop': `const a = [1, 2]; ${when} for ([a[0]] of [[5], [6]] as any) ; ${numbers}`,
      'a ??=': `const a: any = { b: 1, c: 2 }; ${when} { a.b ??= 6; a.c += 1; } return [save(a.b), save(a.c)];`,
    });
  });

  describe('objects', () => {
    follows({
      'Object.assign': `const o = { a: 1 }; ${when} Object.assign(o, { a: 2 }); return save(o.a);`,
      'Reflect.set': `const o = { a: 1 }; ${when} Reflect.set(o, 'a', 2); return save(o.a);`,
      'a swap of two fields': `const o = { a: 1, b: 2 }; ${when} [o.a, o.b] = [o.b, o.a]; return [save(o.a), save(o.b)];`,
      'an object pattern': `const o = { a: 1, b: 2 }; ${when} ({ x: o.a, y: o['b'] } = { x: 5, y: 6 }); return [save(o.a), save(o.b)];`,
      'the head of a loop': `const o = { a: 1 }; ${when} for (o.a of [5, 6]) ; return save(o.a);`,
      'a pattern in the head of a loop': `const o = { a: 1 }; ${when} for ([o.a] of [[5], [6]] as any) ; return save(o.a);`,
      'a private field': `class C { #n = 5; up() { this.#n++; } set(v: number) { [this.#n] = [v]; } get() { return this.#n; } }
        const c = new C(), d = new C(); ${when} { c.up(); d.set(8); } return [save(c.get()), save(d.get())];`,
      'a static field': `class C { static n = 5; static #p = 6; static up() { C.n++; C.#p += 2; } static get() { return C.#p; } } ${when} C.up(); return [save(C.n), save(C.get())];`,
      'a field of the class above': `class B { n = 1; } class C extends B { up() { super.n = 5; } } const c = new C(); ${when} c.up(); return save(c.n);`,
      'a setter': `const o = { v: 1, set w(x: number) { this.v = x; } }; ${when} o.w = 7; return save(o.v);`,
      'a new key on both sides': `const o: any = {}; ${when} { o.a = 1; o.b = 2; } else { o.a = 3; o.b = 4; } return [save(o.a), save(o.b), Object.keys(o).join('')];`,
      'a function as an object': `const f: any = () => 1; f.n = 1; ${when} f.n = 5; return save(f.n);`,
    });
    refuses(
      n === '1'
        ? {
            'a new key': [
              `const o: any = {};\n${when}\n o.a = 1; // here\nreturn save(Object.keys(o).length);`,
              /'a' of an object/,
            ],
            delete: [
              `const o: any = { a: 1 };\n${when}\n delete o.a; // here\nreturn save(Object.keys(o).length);`,
              /'a' of an object/,
            ],
            'delete in a chain': [
              `const o: any = { a: { b: 1 } }; ${when} delete o?.a?.b; return 1;`,
              /'b' of an object/,
            ],
            'Object.assign of a new key': [
              `const o: any = {}; ${when} Object.assign(o, { a: 1 }); return 1;`,
              /'a' of an object/,
            ],
            'keys in another order': [
              `const o: any = { a: 1, b: 2 }; ${when} { delete o.a; o.a = 1; } return Object.keys(o);`,
              /an object gets or loses/,
            ],
            'Object.freeze': [
              `const o: any = { a: 1 }; ${when} Object.freeze(o); return 1;`,
              /freeze\(\) changes an object from outside/,
            ],
            'Object.defineProperty': [
              `const o: any = { a: 1 }; ${when} Object.defineProperty(o, 'a', { get: () => 2 }); return 1;`,
              /defineProperty\(\)/,
            ],
          }
        : {},
    );
  });

  describe('Map and Set', () => {
    follows({
      'Map.set of a key that is there': `const m = new Map([['k', 1]]); ${when} m.set('k', 2); return save(m.get('k')!);`,
      'Map.set in if and else': `const m = new Map<string, number>(); ${when} m.set('k', 2); else m.set('k', 3); return save(m.get('k')!);`,
      'Map.set through a call': `const m = new Map([['k', 1]]); ${when} Map.prototype.set.call(m, 'k', 2); return save(m.get('k')!);`,
      'WeakMap.set of a key that is there': `const k = {}; const m = new WeakMap([[k, 1]]); ${when} m.set(k, 2); return save(m.get(k)!);`,
      'Set.add of what is there': `const s = new Set([1]); ${when} s.add(1); return save(s.size);`,
    });
    refuses({
      'Map.set of a new key': [
        `const m = new Map<string, number>();\n${when}\n m.set('k', 1); // here\nreturn save(m.size);`,
        /Map/,
      ],
      'Map.delete': [`const m = new Map([['k', 1]]); ${when} m.delete('k'); return save(m.size);`, /Map/],
      'Map.clear': [`const m = new Map([['k', 1]]); ${when} m.clear(); return save(m.size);`, /Map/],
      'Set.add': [
        `const s = new Set<number>();\n${when}\n s.add(1); // here\nreturn save(s.size);`,
        /a Set gets or loses/,
      ],
      'Set.delete': [`const s = new Set([1]); ${when} s.delete(1); return save(s.size);`, /a Set gets or loses/],
      'WeakMap.set': [
        `const k = {}; const m = new WeakMap(); ${when} m.set(k, 2); return save(m.has(k) ? 1 : 0);`,
        /Map/,
      ],
      'WeakSet.add': [`const k = {}; const m = new WeakSet(); ${when} m.add(k); return save(m.has(k) ? 1 : 0);`, /Map/],
      'a typed array': [
        `const a = new Float32Array(2);\n${when}\n a[0] = 1; // here\nreturn save(a[0]!);`,
        /typed array/,
      ],
      'a typed array by set': [`const a = new Float32Array(2); ${when} a.set([1]); return save(a[0]!);`, /typed array/],
      'a DataView': [
        `const a = new DataView(new ArrayBuffer(4)); ${when} a.setInt8(0, 5); return save(a.getInt8(0));`,
        /typed array/,
      ],
      'a Date': [`const a = new Date(0); ${when} a.setTime(5); return save(a.getTime());`, /a Date changes/],
      'the place of a regular expression': [
        `const r = /a/g; const s = 'aa'; ${when} r.exec(s); return save(r.exec(s)!.index);`,
        /regular expression/,
      ],
    });
  });

  describe('what a branch makes itself', () => {
    follows({
      'an object': `let z = 0; ${when} { const o: any = { a: 1 }; o.b = 2; delete o.a; z = o.b; } return save(z);`,
      'a Map, a Set, a typed array': `let z = 0; ${when} { const m = new Map(); m.set('a', 1); const s = new Set(); s.add(1); const f = new Float32Array(2); f[1] = 5; z = m.get('a') + s.size + f[1]; } return save(z);`,
      'an array of texts': `let z = 0; ${when} { const a: any[] = []; a.push('x'); a.push('y'); z = a.length; } return save(z);`,
      'the result of a function of JavaScript': `let z = 0; const xs = [3, 1]; ${when} { const a: any[] = xs.map((q) => q + 1); a.sort(); a.push('x'); const o = JSON.parse('{"a":{"b":1}}'); o.a.b = 'x'; z = a[0]; } return save(z);`,
      'an instance': `class P { v: any; #w: any; constructor(v: any) { this.v = v; this.#w = 'w'; } up() { this.v += 1; this.#w = 5; return this.v + this.#w; } } let z = 0; ${when} { z = new P(1).up(); } return save(z);`,
      'an iterator': `let z = 0; ${when} { const it = [1, 2].values(); it.next(); z = it.next().value!; const [b] = it; } return save(z);`,
      'a generator': `function* g() { let k = 1; yield k; k += 1; yield k; } let z = 0; ${when} { const it = g(); it.next(); z = it.next().value!; for (const q of g()) z += q; } return save(z);`,
      'an iterator of its own': `let z = 0; const it = { n: 0, next() { return { done: this.n++ > 2, value: this.n }; }, [Symbol.iterator]() { return this; } }; ${when} { for (const q of it) z += q; } return [save(z), save(it.n)];`,
    });
    refuses({
      'not an iterator from outside': [
        `const it = [1, 2].values();\n${when}\n it.next(); // here\nreturn save(it.next().value ?? 0);`,
        /iterator/,
      ],
      'not one in a loop': [
        `const it = [1, 2].values();\nlet z = 0;\n${when}\n for (const q of it) z += q; // here\nreturn save(z);`,
        /iterator/,
      ],
      'not one that is spread': [
        `const it = [1, 2].values(); ${when} [...it]; return save(it.next().value ?? 0);`,
        /iterator/,
      ],
      'not one that a pattern takes from': [
        `const it = [1, 2].values(); ${when} { const [q] = it; } return save(it.next().value ?? 0);`,
        /iterator/,
      ],
      'not one given to a function of JavaScript': [
        `const it = [1, 2].values(); ${when} Array.from(it); return save(it.next().value ?? 0);`,
        /iterator/,
      ],
      'not one given to a constructor': [
        `const it = [1, 2].values(); ${when} new Set(it); return save(it.next().value ?? 0);`,
        /iterator/,
      ],
      'not a generator': [
        `const it = (function* () { yield 1; yield 2; })(); ${when} it.next(); return save(it.next().value ?? 0);`,
        /iterator/,
      ],
    });
  });
});

describe('functions under a traced condition', () => {
  const when = 'if (t(1) > 0)';
  refuses({
    'of another module': [
      {
        body: `${when}\n bump(); // here\nreturn 1;`,
        head: `import { bump } from 'm';`,
        modules: { m: 'export let n = 0; export const bump = () => { n++; };' },
      },
      /The function bump was not compiled/,
    ],
    'a static getter of an imported class': [
      {
        body: `let z: any = 0; ${when} z = Lib.next;\nreturn save(z);`,
        head: `import { Lib } from 'm';`,
        modules: { m: 'let n = 0; export class Lib { static get next() { return ++n; } }' },
      },
      /next was not compiled/,
    ],
    'a new variable of globalThis': [`${when} (globalThis as any).kinds = 5; return 1;`, /'kinds' of an object/],
    __proto__: [`const o: any = { a: 1 }; ${when} o.__proto__ = { b: 2 }; return save(o.b ?? 0);`, /__proto__ changes/],
    'another regular expression': [
      `const r: any = /a/; ${when} r.compile('b'); return save(r.test('b') ? 1 : 0);`,
      /compile\(\) changes/,
    ],
    'a getter on an object from outside': [
      `const o: any = {}; ${when} o.__defineGetter__('a', () => 5); return save(o.a ?? 0);`,
      /__defineGetter__\(\) changes/,
    ],
    'of the file, without the directive': [
      { body: `${when} bump(); return save(n);`, head: `let n = 0; function bump() { n++; }` },
      /bump was not compiled/,
    ],
    'given to a function of JavaScript': [
      { body: `${when} [1].forEach(bump); return save(n);`, head: `let n = 0; function bump() { n++; }` },
      /bump was not compiled/,
    ],
    'called by another name': [
      { body: `${when} bump.call(null); return save(n);`, head: `let n = 0; function bump() { n++; }` },
      /bump was not compiled/,
    ],
    'in a map': [
      {
        body: `const fs: any = { bump }; ${when} fs['bump'](); return save(n);`,
        head: `let n = 0; function bump() { n++; }`,
      },
      /bump was not compiled/,
    ],
    'that opted out': [
      `const f = () => { 'use no trace'; return 1; }; ${when} f(); return 1;`,
      /The function f was not compiled/,
    ],
    'a class': [
      { body: `${when} new C(); return save(n);`, head: `let n = 0; class C { constructor() { n++; } }` },
      /C was not compiled/,
    ],
    'a class that extends one': [
      {
        body: `class D extends C {} ${when} new D(); return save(n);`,
        head: `let n = 0; class C { constructor() { n++; } }`,
      },
      /C was not compiled/,
    ],
    'asynchronous ones': [`const f = async () => 1; ${when} f(); return 1;`, /asynchronous/],
    timers: [`${when} setTimeout(() => 1, 1); return 1;`, /setTimeout was not compiled/],
    promises: [`${when} Promise.resolve(1).then(() => 2); return 1;`, /was not compiled/],
  });
  follows({
    'that are said to be pure': {
      body: `let z = 0; ${when} z = double(4); return save(z);`,
      head: `import { pure } from 'onnsight'; const double = pure((q: number) => q * 2);`,
    },
    'compiled ones, wherever they come from': {
      body: `const fs: any = { f: (q: number) => q + 1, m(q: number) { return q * 2; }, get g() { return (q: number) => q - 1; } }; let z = 0; ${when} { z = fs.f(1) + fs.m(2) + fs.g(3) + far(4); function near(q: number) { return q; } z += near(5); } return save(z);`,
      head: `function far(q: number) { 'use trace'; return q + 1; }`,
    },
    methods: {
      body: `class C { a() { return 1; } static b() { return 2; } ['c' + 1]() { return 3; } #d() { return 4; } e = () => 5; f() { return this.#d() + this.e(); } } const c: any = new C(); let z = 0; ${when} z = c.a() + C.b() + c.f(); return save(z);`,
    },
    'of a class outside': {
      body: `let z = 0; ${when} { const c = new C(); c.up(); z = c.n; } return save(z);`,
      head: `class C { n = 1; up() { 'use trace'; this.n += 1; } }`,
    },
  });
});

describe.each(['-1', '1'])('variables of other functions, if %s > 0', (n) => {
  const when = `if (t(${n}) > 0)`;
  follows({
    'set by a callback that a helper calls': `let z = 0; const run = (c: any, f: () => void) => { if (c > 0) f(); }; run(t(${n}), () => { z = 6; }); return save(z);`,
    'a counter of a factory': `const make = () => { let k = 0; return { up: () => { k++; }, get: () => k }; }; const c = make(); ${when} c.up(); return save(c.get());`,
    'set by a function in an array': `let z = 0; const fs = [() => { z += 2; }]; ${when} fs[0]!(); return save(z);`,
    'a parameter': `const f = (q: any) => { const o = { g: () => { q += 5; } }; ${when} o.g(); return q; }; return save(f(1));`,
    'two in a pattern': `let a = 1, b = 2; const o = { swap() { [a, b] = [b, a]; } }; ${when} o.swap(); return [save(a), save(b)];`,
    'of the file': {
      head: `let n = 0; const bump = () => { 'use trace'; n++; };`,
      body: `n = 0; const o = { bump }; ${when} o.bump(); return save(n);`,
    },
    'of what the branch makes': `const make = () => { let k = 0; return { up: () => { k += 2; return k; } }; }; let z = 0; ${when} { const m = make(); m.up(); z = m.up(); } return save(z);`,
    'after an early return': `let total = 0; const add = (q: any) => { total += q; }; const f = () => { ${when} return; add(5); }; f(); return save(total);`,
    'after a continue': `let k = 0; const o = { up() { k++; } }; for (const i of [1, 2, 3]) { ${when} continue; o.up(); } return save(k);`,
    'a var': `var z = 1; const run = (f: any) => { ${when} f(); }; run(() => { z = 7; }); return save(z);`,
    'a var with its value in a branch': `const run = (f: any) => { ${when} f(); }; ${when} { var z = 5; } else { var z = 2; } run(() => { z += 1; }); return save(z);`,
    'a var of a pattern in a branch': `const run = (f: any) => { ${when} f(); }; var z = 1; ${when} { var [z] = [8]; } run(() => { z += 1; }); return save(z);`,
    'a var of a factory': `const make = () => { var k = 0; return { up() { k++; }, get: () => k }; }; const c = make(); ${when} c.up(); return save(c.get());`,
    'a parameter of a factory': `const make = (k = 3) => ({ up() { k++; }, get: () => k }); const c = make(); ${when} c.up(); return save(c.get());`,
    'parameters in patterns': `const run = (f: any) => { ${when} f(); }; const f = ({ q }: any, [s]: any = [4], ...u: any) => { run(() => { q = 9; s++; u = [1]; }); return q + s + u.length; }; return save(f({ q: 1 }));`,
    'a parameter of a method': `class A { m(q: any) { const run = (f: any) => { ${when} f(); }; run(() => { q = 5; }); return q; } } return save(new A().m(1));`,
    'in the head of a for': `let r = 0; const run = (f: any) => { ${when} f(); }; for (let i = 0; i < 3; i++) { run(() => { i += 5; }); r += i; } return save(r);`,
    'in the head of a for on a traced condition': `let r = 0; const run = (f: any) => { ${when} f(); }; for (let i = 0; t(0) + i < 3; i++) { run(() => { i += 5; }); r += i; } return save(r);`,
    'in the head of a for, each iteration its own': `const cs: any = []; for (let i = 0; i < 2; i++) cs.push({ up() { i += 10; }, get: () => i }); ${when} cs[0].up(); return [save(cs[0].get()), save(cs[1].get())];`,
    'in the head of a for in a loop of the graph': `let r = 0; const run = (f: any) => { ${when} f(); }; for (const q of v([1, 2])) for (let i = 0; i < 2; i++) { run(() => { i += 5; }); r += i; } return save(r);`,
    'a var in the head of a for': `let r = 0; const run = (f: any) => { ${when} f(); }; for (var i = 0; i < 3; i++) { run(() => { i += 5; }); r += i; } return save(r + i);`,
    'in the head of a for…of': `let r = 0; const run = (f: any) => { ${when} f(); }; for (let i of [1, 2]) { run(() => { i += 5; }); r += i; } return save(r);`,
    'in the head of a for…of without a block': `let r = 0; const run = (f: any) => { ${when} f(); return 1; }; for (let i of [1, 2]) r += run(() => { i += 5; }) + i; return save(r);`,
    'in the head of a for…in': `let r = 0; const run = (f: any) => { ${when} f(); }; for (let i in { a: 1 }) { run(() => { i = 'bb'; }); r += i === 'bb' ? 10 : 1; } return save(r);`,
    'set by the head of a for…in': `let z = 'q'; const o = { f() { for (z in { ab: 1 }); } }; ${when} o.f(); return save(z === 'ab' ? 1 : 0);`,
    'of a catch clause': {
      head: `function f(c: any) { 'use trace'; const run = (g: any) => { if (c > 0) g(); }; try { throw 3; } catch (e: any) { run(() => { e = 9; }); return e; } }`,
      body: `return save(f(t(${n})));`,
    },
    'of a catch clause, in a pattern': {
      head: `function f(c: any) { 'use trace'; const run = (g: any) => { if (c > 0) g(); }; try { throw { a: 3 }; } catch ({ a }: any) { run(() => { a = 9; }); return a; } }`,
      body: `return save(f(t(${n})));`,
    },
    'of functions that are not compiled': {
      head: `function may(c: any, f: any) { 'use trace'; if (c > 0) f(); }
        function outer(c: any, q: number) {
          var p = 1;
          const all: any[] = [];
          for (let i = 0; i < 2; i++) { all.push(() => { 'use trace'; may(c, () => { i += 7; }); return i; }); }
          for (let i of [1, 2]) { all.push(() => { 'use trace'; may(c, () => { i += 7; }); return i; }); }
          try { throw 1; } catch (e: any) { all.push(() => { 'use trace'; may(c, () => { e += 7; }); return e; }); }
          all.push(() => { 'use trace'; may(c, () => { q += 7; p += 8; }); return q + p; });
          return ((fs: any) => { 'use trace'; return fs.map((f: any) => f()); })(all);
        }`,
      body: `return outer(t(${n}), 5).map((q: any) => save(q));`,
    },
    'in a loop of the graph': `const make = () => { let k = 0; return { up: () => { k++; }, get: () => k }; }; const c = make(); for (const r of v([1, 2, 3])) c.up(); return save(c.get());`,
  });
});

describe('what no slot can be made for', () => {
  refuses({
    'a function': [
      `const run = (f: any) => { if (t(1) > 0) f(); }; function g() { return 1; }\nrun(() => {\n (g as any) = () => 5; // here\n}); return save(g());`,
      /'g' is assigned by another function/,
    ],
    'a class': [
      `const run = (f: any) => { if (t(1) > 0) f(); }; class A { static v = 1; }\nrun(() => {\n (A as any) = class { static v = 5; }; // here\n}); return save(A.v);`,
      /'A' is assigned by another function/,
    ],
  });
  follows({
    'on plain conditions': `const run = (f: any) => { if (1) f(); }; function g() { return 1; } run(() => { (g as any) = () => 5; }); return save(t(g()));`,
  });
});

describe('a Proxy of the program that is only handed on is not asked', () => {
  const head = `let n = 0; const asked = new Proxy({}, { get: () => () => { n++; } });
    const P: any = new Proxy({ a: 1 }, asked), F: any = new Proxy(() => 1, asked), A: any = new Proxy([1], asked);`;
  follows(
    Object.fromEntries(
      ['P', 'F', 'A'].flatMap((one) => [
        [`${one} in a branch`, { head, body: `let z: any; if (t(1) > 0) z = ${one}; return save(t(n));` }],
        [`${one} in both`, { head, body: `let z; if (t(1) > 0) z = ${one}; else z = ${one}; return save(t(n));` }],
        [
          `${one} in a field`,
          { head, body: `const o = { p: ${one}, q: 1 }; if (t(1) > 0) o.q = 2; return save(t(n));` },
        ],
        [
          `${one} in a Map`,
          { head, body: `const m = new Map([[1, ${one}]]); if (t(-1) > 0) m.set(1, 5); return save(t(n));` },
        ],
        [
          `${one} of a helper`,
          {
            head,
            body: `const f = (x: any) => { if (t(1) > 0) return x; return null; }; return save(t(f(${one}) === ${one} ? n : -1));`,
          },
        ],
      ]),
    ),
  );
});

describe('iterators that clean up when they are left', () => {
  const head = `let c = 0; function* h() { 'use trace'; try { yield 1; yield 2; } finally { c++; } } function* g() { 'use trace'; for (const q of h()) yield q; }
    const it = { [Symbol.iterator]() { let i = 0; return { next: () => ({ value: ++i, done: i > 2 }), return() { c++; return {}; } }; } };`;
  const programOf = (from: string, body: string) => ({
    head,
    body: `let z = 0; for (const q of ${from}) { ${body} z += q; } return save(t(z * 10 + c));`,
  });
  refuses(
    Object.fromEntries(
      ['h()', 'g()', 'it'].map((one) => [
        one,
        [programOf(one, 'if (t(q) > 1) break; // here\n'), /cleans up when it is left/] as const,
      ]),
    ),
  );
  follows({
    'gone through to their end': programOf('h()', 'if (t(q) > 1) continue;'),
    'left on a plain condition': programOf('g()', 'if (q > 1) break;'),
    'left after a condition of both kinds': programOf('h()', 'if (t(q) > 5) break; if (q === 2) break;'),
    'taken into an array': programOf('[...h()]', 'if (t(q) > 1) break;'),
    'without a clean-up': `function* k() { c++; yield 1; c++; yield 2; } let c = 0, z = 0; for (const q of k()) { if (t(q) > 1) break; z += q; } return save(t(z * 10 + c));`,
  });
});

describe('functions that JavaScript calls by itself', () => {
  const head = `let n = 0;
    const lib: any = { get g() { n++; return 1; }, set s(q: any) { n += q; } };
    class U { get g() { n++; return 1; } set s(q: any) { n += q; } static get g() { n++; return 1; } valueOf() { n++; return 2; } toString() { n++; return 'u'; } }
    class I { *[Symbol.iterator]() { n++; yield 1; } static [Symbol.hasInstance]() { n++; return true; } }
    const getter = () => { n++; return 1; };
    const prim: any = { [Symbol.toPrimitive]() { n++; return 3; } };
    const tags = { tag(s: any) { n++; return s[0]; } };
    const { tag } = tags;
    class W { v = 1; toString() { n++; return '1'; } toJSON() { n++; return 3; } }
    const w: any = new W();
    const like: any = { length: 1, get 0() { n++; return 5; } };
    class L extends Array { constructor(...q: any[]) { super(...q); n++; } }
    const list: any = L.from([1, 2]);
    const pattern: any = { [Symbol.split](s: any) { n++; return [s]; }, get [Symbol.isConcatSpreadable]() { n++; return true; }, length: 0 };
    class R extends RegExp { exec(s: any) { n++; return super.exec(s); } }
    const search: any = new R('a');
    const P: any = new Proxy({ a: 1, f() { 'use trace'; return 2; } } as any, {
      get(o, k) { n++; return o[k]; }, set(o, k, q) { n++; o[k] = q; return true; }, has(o, k) { n++; return k in o; },
      deleteProperty() { n++; return true; }, ownKeys(o) { n++; return Reflect.ownKeys(o); }, getPrototypeOf() { n++; return null; },
    });
    const PF: any = new Proxy(function () { 'use trace'; } as any, { apply() { n++; return 1; }, construct() { n++; return {}; }, get() { n++; return 1; } });
    const PA: any = new Proxy([3, 4] as any, { get(o, k) { n++; return o[k]; } });
    const far: any = { get f() { n++; return () => 1; }, get t() { n++; return (s: any) => s[0]; } };
    const base: any = { get g() { n++; return 1; }, set s(q: any) { n++; } };
    const heir: any = { get() { 'use trace'; return super.g; }, key() { 'use trace'; return super['g']; }, set() { 'use trace'; super.s = 1; }, up() { 'use trace'; super.s++; }, swap() { 'use trace'; [super.s] = [1]; } };
    Object.setPrototypeOf(heir, base);`;
  const USES: Readonly<Record<string, string>> = {
    'a getter': `lib.g;`,
    'a getter by a key': `lib['g'];`,
    'a getter in a chain': `lib?.g;`,
    'a getter of an instance': `u.g;`,
    'a getter of a class above': `class C extends U {} new C().g;`,
    'a getter of a class': `(U as any).g;`,
    'a getter in a pattern': `const { g } = lib;`,
    'a getter in an assignment': `let g; ({ g } = lib);`,
    'a getter that an object spreads': `({ ...lib });`,
    'a getter by Object.values': `Object.values(lib);`,
    'a getter by Object.assign': `Object.assign({}, lib);`,
    'a getter by JSON.stringify': `JSON.stringify(lib);`,
    'a setter': `lib.s = 5;`,
    'a setter by a key': `lib['s'] = 5;`,
    'a setter of an instance': `u.s = 5;`,
    'a setter in a pattern': `[lib.s] = [5];`,
    'a setter by Object.assign': `Object.assign(lib, { s: 5 });`,
    'a setter of the class above': `class C extends U { m() { super.s = 4; } } new C().m();`,
    'valueOf in arithmetic': `u * 1;`,
    'valueOf in a comparison': `u > 1;`,
    'valueOf in ==': `u == 2;`,
    'valueOf by a sign': `+u;`,
    'valueOf by ++': `let w = u; w++;`,
    'valueOf by Math.max': `Math.max(u, 1);`,
    'toString in a template string': `\`\${u}\`;`,
    'toString by String()': `String(u);`,
    'toString by join': `[u].join();`,
    'toString of a key': `({ u: 1 } as any)[u];`,
    'toString of a computed name': `({ [u]: 1 });`,
    toPrimitive: `prim + 1;`,
    'an iterator in for…of': `for (const q of it) ;`,
    'an iterator that is spread': `[...it];`,
    'an iterator in a pattern': `const [q] = it;`,
    'an iterator by Array.from': `Array.from(it);`,
    'an iterator by new Set': `new Set(it);`,
    'Symbol.hasInstance': `({}) instanceof (I as any);`,
    'a tag': 'tag`a`;',
    'toString deep in a template string': `\`\${[[w]]}\`;`,
    'toString deep in join': `[[w]].join();`,
    'toString by sort': `[w, w].sort();`,
    'toString by an error': `new Error(w);`,
    'toString by a number of digits': `(1).toFixed(w);`,
    'toString by an index': `[1].at(w);`,
    'toString by fill': `[1].fill(0, w);`,
    'toString in a typed array': `new Float32Array([w]); const f = new Float32Array(1); f[0] = w;`,
    'toString by a length': `const a: any = [1]; a.length = w;`,
    'toString by a tag': `String.raw\`\${w}\`;`,
    'toString of a deleted key': `const o: any = { 1: 2 }; delete o[w];`,
    'toString of a key that is called': `({ 1: () => 1 } as any)[w]();`,
    'toJSON deep in JSON': `JSON.stringify({ a: [w] });`,
    'a getter deep in JSON': `JSON.stringify({ a: { lib } });`,
    'a getter deep in a clone': `structuredClone({ a: lib });`,
    'a getter of a list': `Array.prototype.map.call(like, (q: any) => q);`,
    'a getter of arguments': `Math.max.apply(null, like);`,
    'a getter of an element': `const a: any = [1]; Object.defineProperty(a, 0, { get: getter }); for (const q of a) ;`,
    'a getter deep in a pattern': `const { a: { g } } = { a: lib };`,
    'a getter in a default of a pattern': `const { a: { g } = lib } = {} as any;`,
    'a getter in the head of a loop': `for (const { g } of [lib]) ;`,
    'a getter in a parameter': `(({ g }: any) => g)(lib);`,
    'a getter in a parameter of a callback': `[lib].map(({ g }: any) => g);`,
    'a getter of what is called': `far.f();`,
    'a getter of what is called by a key': `far['f']();`,
    'a getter of what a chain calls': `far?.f();`,
    'a getter of a tag': 'far.t`a`;',
    'a getter through super': `heir.get();`,
    'a getter through super, by a key': `heir.key();`,
    'a setter through super': `heir.set();`,
    'a setter through super, by ++': `heir.up();`,
    'a setter through super, in a pattern': `heir.swap();`,
    'a static getter through super': `class C extends U { static m() { return (super.g as any); } } (C as any).m();`,
    'the class of a list': `list.map((q: any) => q);`,
    'a class that makes a list': `L.from([1]);`,
    'a way to split': `'a'.split(pattern);`,
    'a way to spread': `[].concat(pattern);`,
    'a way to search': `search.test('a');`,
    'a Proxy that is read': `P.a;`,
    'a Proxy that is read by a key': `P['a'];`,
    'a Proxy in a chain': `P?.a;`,
    'a Proxy that is set': `P.a = 5;`,
    'a Proxy that is set by ++': `P.a++;`,
    'a Proxy that is asked by in': `'a' in P;`,
    'a Proxy that loses a property': `delete P.a;`,
    'the keys of a Proxy': `Object.keys(P);`,
    'the keys of a Proxy in a loop': `for (const k in P) ;`,
    'a Proxy that is spread': `({ ...P });`,
    'a Proxy in a pattern': `const { a } = P;`,
    'a method of a Proxy': `P.f();`,
    'a Proxy by instanceof': `P instanceof Object;`,
    'a Proxy by Reflect.get': `Reflect.get(P, 'a');`,
    'a prototype that is a Proxy': `Object.create(P).a;`,
    'a Proxy that is called': `PF();`,
    'a Proxy that is constructed': `new PF();`,
    'a Proxy of an array': `PA[0];`,
    'the length of a Proxy': `PA.length;`,
    'a Proxy in for…of': `for (const q of PA) ;`,
    'a tag of an object': 'tags.tag`a`;',
  };
  const programOf = (condition: string, use: string) => ({
    head,
    body: `n = 0; const u: any = new U(), it: any = new I(); if (${condition}) {\n ${use} // here\n}\nreturn save(t(n));`,
  });
  refuses(
    Object.fromEntries(
      Object.entries(USES).map(([name, use]) => [
        name,
        [programOf('t(-1) > 0', use), /was not compiled|A Proxy is used/] as const,
      ]),
    ),
  );
  describe('on plain conditions', () =>
    follows(Object.fromEntries(Object.entries(USES).map(([name, use]) => [name, programOf('1', use)]))));
  describe('compiled', () =>
    follows({
      'getters and setters of an object': `const o: any = { k: 0, get g() { this.k++; return 1; }, set s(q: any) { this.k += q; } }; let z = 0; if (t(-1) > 0) { z = o.g; o.s = 4; } if (t(1) > 0) { z += o.g; o.s = 9; const { g } = o; } return save(o.k + z);`,
      'getters and setters of a class': `class O { k = 0; get g() { this.k++; return 1; } set s(q: number) { this.k += q; } static c = 0; static get g() { return O.c++; } } const o = new O(); let z = 0; if (t(-1) > 0) { z = o.g + O.g; o.s = 4; } if (t(1) > 0) { z = o.g + O.g; o.s = 9; } return save(o.k + O.c + z);`,
      conversions: `const o: any = { k: 0, valueOf() { this.k++; return 1; }, toString() { this.k += 2; return "a"; } }; const p: any = { k: 0, [Symbol.toPrimitive]() { this.k++; return 1; } }; let z = 0; if (t(-1) > 0) { z = o + p; } if (t(1) > 0) { z = o + p + \`\${o}\`.length; } return save(o.k * 10 + p.k + z);`,
      iterators: `const o: any = { k: 0, *[Symbol.iterator]() { this.k++; yield 1; yield 2; } }; class J { k = 0; *[Symbol.iterator]() { this.k++; yield 4; } } const j = new J(); let z = 0; if (t(-1) > 0) { for (const q of o) z += q; } if (t(1) > 0) { for (const q of o) z += q; const [q] = j; z += q; } return save(o.k * 10 + j.k + z);`,
      tags: `const o: any = { k: 2, f(s: any, q: any) { this.k++; return s.length + q + this.k; } }; let z = 0; if (t(-1) > 0) z = o.f\`a\${3}b\`; if (t(1) > 0) z = o.f\`a\${3}b\`; return save(z + o.k);`,
      'getters of a module that a bundler has written': {
        head: `const ns: any = {}; const one = 1; Object.defineProperty(ns, 'one', { get: () => one }); Object.defineProperty(ns, 'f', { get: function () { return far; } }); function far() { 'use trace'; return 4; }`,
        body: 'let z = 0; if (t(1) > 0) z = ns.one + ns.f(); return save(z);',
      },
      super: `class B { k = 0; get g() { this.k++; return 1; } set s(q: number) { this.k += q; } m(q = 1) { this.k += q; return 2; } } class C extends B { up() { super.s = 3; super.s += 4 as never; return super.g + super.m() + super['m'](2); } } const c = new C(); let z = 0; if (t(-1) > 0) z = c.up(); if (t(1) > 0) z += c.up(); return [save(c.k), save(z)];`,
      'keys are asked for their name once': `const k: any = { n: 0, toString() { this.n++; return 'a'; } }; const o: any = { a: 1, b() { return 2; } }; if (t(1) > 0) { o[k] = 5; o[k] += 2; } return [save(k.n), save(o.a)];`,
      'parameters in patterns': `const f = ({ p, q = 4 }: any, [r]: any, ...[s, u]: any) => p * 1000 + q * 100 + r * 10 + s + u + f.length; let z = 0; if (t(1) > 0) z = f({ p: 1 }, [2], 3, 4); return save(z);`,
      'those of JavaScript': `let z = 0; const m = new Map([[1, 2]]); if (t(1) > 0) z = m.size + /a/g.source.length + new Float32Array(2).length + new Error('q').message.length + 'abc'.length + ([] instanceof Array ? 1 : 0); return save(z);`,
    }));
});
