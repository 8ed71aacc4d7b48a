/**
 * Programs that gave another value than JavaScript without a word, by kind, as functions `block`. Two kinds stand elsewhere:
 * as many layers as GPT-2 large has in control-flow/depth, draws in execution/drawing.
 */
export const FAULTS: Readonly<
  Record<string, readonly (readonly [name: string, said: 'right' | 'error', program: string])[]>
> = {
  'effects in a branch that does not run': [
    [
      'unshift',
      'right',
      'const block = () => { const a = [9]; if (T(-1) > 0) a.unshift(1); return a.map((q) => save(T(q))); };',
    ],
    ['pop', 'right', 'const block = () => { const a = [1, 2]; if (T(-1) > 0) a.pop(); return save(a.length); };'],
    [
      'reverse',
      'right',
      'const block = () => { const a = [1, 2]; if (T(-1) > 0) a.reverse(); return a.map((q) => save(T(q))); };',
    ],
    [
      'a?.push',
      'right',
      'const block = () => { const a = [1, 2]; if (T(-1) > 0) a?.push(3); return save(a.length); };',
    ],
    [
      'Map.set in if and else',
      'right',
      `const block = () => { const m = new Map(); if (T(1) > 0) m.set('k', 2); else m.set('k', 3); return save(m.get('k')); };`,
    ],
    [
      'delete',
      'error',
      'const block = () => { const o = { a: 1 }; if (T(-1) > 0) delete o.a; return save(Object.keys(o).length); };',
    ],
    [
      'Object.assign',
      'right',
      'const block = () => { const o = { a: 1 }; if (T(-1) > 0) Object.assign(o, { a: 2 }); return save(o.a); };',
    ],
    [
      'swap of two fields',
      'right',
      'const block = () => { const o = { a: 1, b: 2 }; if (T(-1) > 0) [o.a, o.b] = [o.b, o.a]; return [save(o.a), save(o.b)]; };',
    ],
    [
      'private field',
      'right',
      'const block = () => { class C { #n = 5; up() { this.#n++; } get() { return this.#n; } } const c = new C(); if (T(-1) > 0) c.up(); return save(c.get()); };',
    ],
    [
      'counter of a factory',
      'right',
      'const block = () => { const make = () => { let k = 0; return { up: () => { k++; }, get: () => k }; }; const c = make(); if (T(-1) > 0) c.up(); return save(c.get()); };',
    ],
    [
      'callback given to a helper',
      'right',
      'const block = () => { let z = 0; const when = (c, f) => { if (c > 0) f(); }; when(T(-1), () => { z = 6; }); return save(z); };',
    ],
    [
      'continue on a traced condition, then Set.add',
      'error',
      'const block = () => { const s = new Set(); for (const i of [1, 2, 3]) { if (T(1) > 0) continue; s.add(i); } return save(s.size); };',
    ],
    [
      'early return on a traced condition, then Map.set',
      'right',
      `const block = () => { const m = new Map([['k', 1]]); const f = () => { if (T(1) > 0) return; m.set('k', 2); }; f(); return save(m.get('k')); };`,
    ],
    [
      'counter of a factory in a loop of the graph (3 rows)',
      'right',
      'const block = () => { const make = () => { let k = 0; return { up: () => { k++; }, get: () => k }; }; const c = make(); for (const r of V([1, 2, 3])) c.up(); return save(c.get()); };',
    ],
  ],
  'an endless loop over plain values': [
    [
      'while (true) with a queue',
      'right',
      'const block = () => { const q = [1, 2, 3]; const out = []; while (true) { const k = q.shift(); if (k === undefined) break; out.push(save(T(k * 10))); } return out; };',
    ],
    [
      'for (;;) with an iterator',
      'right',
      'const block = () => { const it = [1, 2, 3].values(); const out = []; for (;;) { const k = it.next(); if (k.done) break; out.push(save(T(k.value * 10))); } return out; };',
    ],
    [
      'with a Set',
      'right',
      'const block = () => { const s = new Set(); let i = 0; while (true) { s.add(i + "/" + s.size); if (++i >= 3) break; } return save(s.size); };',
    ],
    [
      'queue, and a traced break (5 > 4 at the third)',
      'right',
      'const block = () => { const q = [T(1), T(2), T(5), T(4)]; let k = 0; while (true) { const v = q.shift(); k++; if (v > 4) break; } return save(k); };',
    ],
  ],
  'a return out of an unrolled loop': [
    [
      'save(first(5))',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(first(5));',
    ],
    [
      'first(5) * 2',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(first(5) * 2);',
    ],
    [
      'first(5) > 0',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(first(5) > 0 ? 1 : 0);',
    ],
    [
      'if (first(99) >= 0)',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => { let z = 0; if (first(99) >= 0) z = 1; return save(z); };',
    ],
    [
      'if (first(5) >= 0)',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => { let z = 0; if (first(5) >= 0) z = 1; return save(z); };',
    ],
    [
      'first(5) === 2',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(first(5) === 2 ? 1 : 0);',
    ],
    [
      'if (first(99))',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => { let z = 0; if (first(99) + 1) z = 1; return save(z); };',
    ],
    [
      '!first(0) (it is 1)',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(!first(0) ? 1 : 0);',
    ],
    [
      'Math.max(first(5), 0)',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(Math.max(first(5), 0));',
    ],
    [
      '-first(5)',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(-first(5));',
    ],
    [
      '[7, 8, 9][first(5)]',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save([7, 8, 9][first(5)]);',
    ],
    [
      'first(5) || 9',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(first(5) || 9);',
    ],
    [
      'T(10) + first(5)',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => save(T(10) + first(5));',
    ],
    [
      'while loop',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => { const f = () => { let i = 0; while (i < 5) { if (T(i) > 2) return i; i++; } return -1; }; return save(f() * 1); };',
    ],
    [
      'of arrays: for (const k of [2, 4, 6]) if (v < k) return k',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => { const f = (v) => { for (const k of [2, 4, 6]) if (v < k) return k; return 9; }; return save(f(T(3)) * 1); };',
    ],
    [
      'one item',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => { const f = (v) => { for (const k of [5]) if (v < k) return 1; return 9; }; return save(f(T(3)) * 1); };',
    ],
    [
      'ifs one after another',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => { const f = (v) => { if (v > 10) return 0; if (v > 5) return 1; return 2; }; return save(f(T(3)) * 1); };',
    ],
    [
      'a loop over the rows of a tensor',
      'right',
      'const first = (limit) => { for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i; return -1; }; const block = () => { const f = () => { for (const r of V([1, 5, 3])) if (r > 2) return r; return -1; }; return save(f() * 1); };',
    ],
  ],
  'a variable that one side sets': [
    [
      '=== undefined (it is)',
      'right',
      'const block = () => { let b; if (T(-1) > 0) b = T(7); return save(b === undefined ? 1 : 0); };',
    ],
    [
      '== null (it is)',
      'right',
      'const block = () => { let b; if (T(-1) > 0) b = T(7); return save(b == null ? 1 : 0); };',
    ],
    [
      'if (b) (it is undefined)',
      'right',
      'const block = () => { let b; if (T(-1) > 0) b = T(7); let r = 0; if (b) r = 1; return save(r); };',
    ],
    [
      'typeof',
      'right',
      `const block = () => { let b; if (T(-1) > 0) b = T(7); return save(typeof b === 'undefined' ? 1 : 0); };`,
    ],
    [
      'previous row in a loop',
      'right',
      'const block = () => { let prev; let d = 0; for (const r of V([1, 5, 3])) { if (prev !== undefined) d = Math.max(d, r - prev); prev = r; } return save(d); };',
    ],
    [
      'first row above 2',
      'right',
      'const block = () => { let found; for (const r of V([1, 5, 3])) if (r > 2) { found = r; break; } return save(found === undefined ? -1 : found); };',
    ],
  ],
  'look-ups by value': [
    ['includes', 'right', 'const block = () => save([1, 2, 3].includes(T(2)) ? 1 : 0);'],
    ['indexOf', 'right', 'const block = () => save([1, 2, 3].indexOf(T(2)));'],
    ['Map.get', 'right', 'const block = () => save(new Map([[2, 5]]).get(T(2)) ?? -1);'],
    ['Set.has', 'right', 'const block = () => save(new Set([2]).has(T(2)) ? 1 : 0);'],
    ['typeof', 'right', `const block = () => save(typeof T(2) === 'number' ? 1 : 0);`],
    ['filter(Boolean)', 'right', 'const block = () => save([T(0), T(1)].filter(Boolean).length);'],
    ['new Array(3).length', 'error', 'const block = () => save(new Array(T(3)).length);'],
  ],
  'functions of numbers': [
    ['Math.log1p(1e-8)', 'right', 'const block = () => save(Math.log1p(T(1e-8)));'],
    ['Math.expm1(1e-8)', 'right', 'const block = () => save(Math.expm1(T(1e-8)));'],
    ['Math.hypot(-3)', 'right', 'const block = () => save(Math.hypot(T(-3)));'],
    ['[…].map(Math.abs)', 'right', 'const block = () => [T(-1)].map(Math.abs).map((q) => save(q));'],
    ['const { max } = Math', 'right', 'const block = () => { const { max } = Math; return save(max(T(1), T(2))); };'],
    ['Math.atan(1)', 'error', 'const block = () => save(Math.atan(T(1)));'],
    ['-7 % 3', 'right', 'const block = () => save(T(-7) % 3);'],
    [
      'how many are above 0, by adding truths',
      'right',
      'const block = () => save([1, 2].map((q) => T(q) > 0).reduce((a, b) => a + b));',
    ],
  ],
  'a catch in a helper': [
    [
      'throw on a traced condition',
      'right',
      `const block = () => { const f = (v) => { try { if (v > 0) throw new RangeError('too large'); return 1; } catch { return 2; } }; return save(f(T(-1))); };`,
    ],
    [
      'throw in a function that is called',
      'error',
      `const block = () => { const check = (v) => { if (v > 0) throw new RangeError('too large'); }; const f = (v) => { try { check(v); return 1; } catch (e) { return e instanceof RangeError ? 3 : 4; } }; return save(f(T(-1))); };`,
    ],
  ],
  'an object made in the body of a loop': [
    [
      'local object',
      'right',
      'const block = () => { let s = 0; for (const r of V([1, 2])) { const o = { v: r }; o.v += 1; s += o.v; } return save(s); };',
    ],
    [
      'local pair',
      'right',
      'const block = () => { let s = 0; for (const r of V([1, 2])) { const p = [r, r * 2]; p[1] += 1; s += p[1]; } return save(s); };',
    ],
    [
      'helper with a local object',
      'right',
      'const block = () => { const f = (r) => { const o = { v: r }; o.v += 1; return o; }; let s = 0; for (const r of V([1, 2])) s += f(r).v; return save(s); };',
    ],
    [
      'local accumulator of an inner loop',
      'right',
      'const block = () => { let s = 0; for (const r of V([1, 2])) { const acc = { t: T(0) }; for (const q of V([1, 1])) acc.t += r * q; s += acc.t; } return save(s); };',
    ],
    [
      'an object of a class',
      'right',
      'const block = () => { class P { v; constructor(v) { this.v = v; } up() { this.v += 1; return this; } } let s = 0; for (const r of V([1, 2])) s += new P(r).up().v; return save(s); };',
    ],
  ],
  'an array that is pushed to and written by index': [
    [
      'filled in a loop, a[0] = 7 after it',
      'right',
      'const block = () => { const a = []; for (const r of V([1, 2, 3])) a.push(r); a[0] = 7; return save(a); };',
    ],
    [
      'filled in a loop, a[0] *= 10 after it',
      'right',
      'const block = () => { const a = []; for (const r of V([1, 2, 3])) a.push(r); a[0] *= 10; return save(a); };',
    ],
    [
      'filled in a loop, a.length = 1 after it',
      'right',
      'const block = () => { const a = []; for (const r of V([1, 2, 3])) a.push(r); a.length = 1; return save(a); };',
    ],
    [
      'filled in a branch, a[1] = 7 after it',
      'right',
      'const block = () => { const a = [1]; if (T(1) > 0) a.push(5, 6); a[1] = 7; return save(a); };',
    ],
    [
      'in the loop: a[0] = 9 and push',
      'right',
      'const block = () => { const a = [2]; for (const r of V([3, 4])) { a[0] = 9; a.push(r); } return save(a); };',
    ],
    [
      'the largest first, then all',
      'right',
      'const block = () => { const a = [0]; for (const r of V([3, 4, 1])) { if (r > a[0]) a[0] = r; a.push(r); } return save(a); };',
    ],
    [
      'a new array in a branch, then push',
      'right',
      'const block = () => { let a = [9]; if (T(1) > 0) { a = [T(5)]; a.push(T(6)); } return save(a); };',
    ],
    [
      'the same in a field',
      'right',
      'const block = () => { const o = { a: [] }; if (T(1) > 0) { o.a = []; o.a.push(T(5)); o.a.push(T(6)); } return save(o.a); };',
    ],
  ],
  'large numbers': [
    [
      'the least, from Number.MAX_VALUE',
      'right',
      'const block = () => { let m = Number.MAX_VALUE; for (const r of V([3, 1, 2])) if (r < m) m = r; return save(m); };',
    ],
    [
      'the greatest, from -Number.MAX_VALUE',
      'right',
      'const block = () => { let m = -Number.MAX_VALUE; for (const r of V([-3, -1, -2])) if (r > m) m = r; return save(m); };',
    ],
    ['?: 1e20', 'right', 'const block = () => save(T(1) > 0 ? 1e20 : 0);'],
    ['save(1e20)', 'right', 'const block = () => save(1e20);'],
    [
      'Infinity',
      'right',
      'const block = () => { let m = Infinity; for (const r of V([3, 1, 2])) if (r < m) m = r; return save(m); };',
    ],
  ],
};
