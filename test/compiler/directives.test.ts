import { describe, expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';

/** The lowered text without what every file starts with; undefined if nothing was rewritten. */
function lowered(code: string, id = '/project/a.ts'): string | undefined {
  const result = transform(code, { file: 'a.ts', id });
  return result?.code.replace(/(import \* as|const) __o .*?\]\); /, '');
}

describe('what is traced', () => {
  it.each(['trace', 'generate', 'scan', 'session', 'edit', 'invoke'])('callbacks of %s', (method) => {
    expect(lowered(`import 'onnsight'; x.y.${method}(a + b, () => a + b);`)).toBe(
      `import 'onnsight'; x.y.${method}(a + b, __o.block(() => __o.binary('+', a, b, __s[0])));`,
    );
  });

  it.each([
    "import { NNsight } from 'onnsight';",
    "import type { NNsight } from 'onnsight';",
    "import * as lib from 'onnsight';",
    "import lib = require('onnsight');",
    "const lib = require('onnsight');",
    "const { save } = await import('onnsight');",
    "import { x } from 'onnsight/vite';",
  ])('callbacks in a file with %s', (statement) => {
    expect(lowered(`${statement} m.trace(() => -a)`)).toBe(
      `${statement} m.trace(__o.block(() => __o.unary('-', a, __s[0])))`,
    );
  });

  it.each([
    "import { x } from 'onnsightful'; m.trace(() => -a);",
    '// onnsight\nm.trace(() => -a);',
    "import { m } from 'onnsight'; let f = () => -a; m.trace(f);",
    "import { m } from 'onnsight'; const f = () => { 'use no trace'; return -a; }; m.trace(f);",
    "import { m } from 'onnsight'; const f = async () => -a; function* g() { yield -a; } m.trace(f); m.trace(g);",
    "import { m } from 'onnsight'; const f = () => -a; { const f = h; m.trace(f); } (f) => m.trace(f);",
    "import { m } from 'onnsight'; const f = () => -a; m.trace({ f }); m.traces(f); m.trace(() => { 'use no trace'; f(); });",
    "import { m } from 'onnsight'; m.traces(() => -a); trace(() => -a); m.trace({ f: () => -a });",
    "'use no trace'; import { m } from 'onnsight'; m.trace(() => -a);",
    "import { m } from 'onnsight'; m.trace(() => { 'use no trace'; return -a; });",
    "import { m } from 'onnsight'; m.trace(() => -a",
    "import * as __o from 'onnsight/operators'; import { m } from 'onnsight'; m.trace(() => -a);",
    "var __o = __toESM(require('onnsight/operators')); m.trace(() => -a);",
    'const text = "use trace";',
    "function f() { g(); 'use trace'; return -a; }",
  ])('nothing in %s', (code) => {
    expect(lowered(code)).toBeUndefined();
  });

  it('functions of the file that are given by name', () => {
    const given = [
      "import 'onnsight'; const f = () => -a; m.invoke(a, f as Block); const g = f;",
      "import 'onnsight'; const run = () => { const f = (function () { return -a; }); m.edit(f); };",
      "import 'onnsight'; m.session(f); function f() { return -a; }",
    ];
    expect(given.map((code) => lowered(code))).toMatchInlineSnapshot(`
      [
        "import 'onnsight'; const f = __o.block({ f: () => __o.unary('-', a, __s[0]) }.f); m.invoke(a, f as Block); const g = f;",
        "import 'onnsight'; const run = () => { const f = (__o.block(function () { return __o.unary('-', a, __s[0]); })); m.edit(f); };",
        "__o.mark(f); import 'onnsight'; m.session(f); function f() { return __o.unary('-', a, __s[0]); }",
      ]
    `);
  });

  it('functions that only get at something, which traced code of the file calls, and those that they call', () => {
    const called = [
      "import 'onnsight'; const f = (v) => g(v)[a]; const g = ({ o: [p] }) => p.q; m.trace(() => f(b));",
      "import 'onnsight'; function f(v) { return h(v, [1, ...v], (w) => w.x); } m.trace(() => n.map(() => f(b)));",
    ];
    expect(called.map((code) => lowered(code))).toMatchInlineSnapshot(`
      [
        "import 'onnsight'; const f = __o.block({ f: (v) => __o.getitem(__o.call(g, undefined, [v], __s[0]), a, __s[0]) }.f); const g = __o.block({ g: (__d0) => { var { o: [p] } = __o.taken(__d0, __s[1], null, true); return __o.member(p, 'q', __s[2]); } }.g, __s[3], () => []); m.trace(__o.block(() => __o.call(f, undefined, [b], __s[4])));",
        "__o.mark(f); import 'onnsight'; function f(v) { return __o.call(h, undefined, [v, __o.fresh([1, ...__o.items(v, __s[0])]), (w) => __o.member(w, 'x', __s[1])], __s[2]); } m.trace(__o.block(() => __o.call(__o.method(n, 'map', __s[3]), n, [__o.block(() => __o.call(f, undefined, [b], __s[4]))], __s[3])));",
      ]
    `);
  });

  it.each([
    'const f = (v) => (n = v); ',
    'const f = (v) => -v; ',
    'const f = (v) => v + 1; ',
    'const f = (v) => (v ? v.x : v.y); ',
    'const f = (v) => n++; ',
    'const f = (v = a) => v.x; ',
    'const f = async (v) => v.x; ',
    'const f = (v) => eval(v); ',
    'const f = (v) => tag`x`; ',
    'const f = (v) => class {}; ',
    'const f = (v) => delete v.x; ',
    'let f = (v) => v.x; ',
    'function f(v) { const w = v.x; return w; } ',
    "function f(v) { 'use no trace'; return v.x; } ",
    'function f(v) { return arguments[0]; } ',
    'const f = { f: (v) => v.x }.f; ',
  ])('not %s', (helper) => {
    expect(lowered(`import 'onnsight'; ${helper}m.trace(() => f(b));`)).toContain(
      `import 'onnsight'; ${helper}m.trace`,
    );
  });

  it('the arguments of intervention, by whatever name it was imported', () => {
    expect(
      lowered(
        `import { intervention as i } from 'onnsight'; i(() => -a); { const i = f; i(() => -a); } intervention(() => -a);`,
      ),
    ).toMatchInlineSnapshot(
      `"import { intervention as i } from 'onnsight'; i(__o.block(() => __o.unary('-', a, __s[0]))); { const i = f; i(() => -a); } intervention(() => -a);"`,
    );
    expect(
      lowered(`import * as o from 'onnsight'; o.intervention((alpha) => -alpha); p.intervention(() => -a);`),
    ).toMatchInlineSnapshot(
      `"import * as o from 'onnsight'; o.intervention(__o.block((alpha) => __o.unary('-', alpha, __s[0]), __s[1], () => [])); p.intervention(() => -a);"`,
    );
  });

  it('inline callbacks through parentheses, assertions and optional calls', () => {
    expect(lowered(`import 'onnsight'; m?.trace((() => -a) as F, function () { return -a })`)).toMatchInlineSnapshot(
      `"import 'onnsight'; m?.trace((__o.block(() => __o.unary('-', a, __s[0]))) as F, __o.block(function () { return __o.unary('-', a, __s[1]); }))"`,
    );
  });

  it('functions with the directive, and the functions inside them', () => {
    expect(
      lowered(`function f(x) { 'use trace'; return [-x].map((y) => -y); }
const g = () => { 'use trace'; return -a; };
function h() { return -a; }
export default function () { 'use trace'; return -a; }
export async function* k() { 'use trace'; yield -a; }`),
    ).toMatchInlineSnapshot(`
      "__o.mark(f); __o.mark(__default); __o.mark(k); function f(x) { 'use trace'; let __t0; return __o.call(__o.method(__t0 = __o.fresh([__o.unary('-', x, __s[0])]), 'map', __s[1]), __t0, [__o.block((y) => __o.unary('-', y, __s[2]))], __s[1]); }
      const g = __o.block({ g: () => { 'use trace'; return __o.unary('-', a, __s[3]); } }.g);
      function h() { return -a; }
      export default function __default () { 'use trace'; return __o.unary('-', a, __s[4]); }
      export async function* k() { 'use trace'; yield __o.plain(__o.unary('-', a, __s[5]), 'yield', __s[5]); }"
    `);
  });

  it('functions inside functions, marked where they are declared', () => {
    expect(
      lowered(`function outer() {
  'use strict'
  if (a) { f(); function f() { 'use trace'; return -a; } }
  return -a;
}`),
    ).toMatchInlineSnapshot(`
      "function outer() {
        'use strict'
        if (a) { __o.mark(f); f(); function f() { 'use trace'; return __o.unary('-', a, __s[0]); } }
        return -a;
      }"
    `);
  });

  it('methods with the directive', () => {
    expect(
      lowered(`class A { x = -a; m() { 'use trace'; return -a; } static 's-t'() { 'use trace'; } get g() { 'use trace'; return -a; } n() { return -a; } }
const o = { m() { 'use trace'; return -a; }, async 'n'() { 'use trace'; }, get g() { 'use trace'; return -a; } };`),
    ).toMatchInlineSnapshot(`
      "class A { static { __o.mark(this); __o.mark(this.prototype.m); __o.mark(this['s-t']); __o.accessors(this.prototype, ['g']); } x = __o.unary('-', a, __s[0]); m() { 'use trace'; return __o.unary('-', a, __s[1]); } static 's-t'() { 'use trace'; } get g() { 'use trace'; return __o.unary('-', a, __s[2]); } n() { return -a; } }
      const o = __o.accessors({ m: __o.block({ m() { 'use trace'; return __o.unary('-', a, __s[3]); } }.m), 'n': __o.block({ async 'n'() { 'use trace'; } }['n']), get g() { 'use trace'; return __o.unary('-', a, __s[4]); } }, ['g']);"
    `);
  });

  it('all top-level functions of a file with the directive, except those that opt out', () => {
    expect(
      lowered(`'use trace';
export const f = () => -a, x = -a;
function g() { 'use no trace'; return -a; }
class C { m() { return -a; } #p() { return -a; } }
call(() => -a);
function h() { const k = () => -a; function l() { 'use no trace'; return () => -a; } }`),
    ).toMatchInlineSnapshot(`
      "'use trace'; __o.mark(h); 
      export const f = __o.block({ f: () => __o.unary('-', a, __s[0]) }.f), x = -a;
      function g() { 'use no trace'; return -a; }
      class C { static { __o.mark(this); __o.mark(this.prototype.m); } m() { return __o.unary('-', a, __s[1]); } #p() { return __o.unary('-', a, __s[2]); } }
      call(() => -a);
      function h() { const k = __o.block({ k: () => __o.unary('-', a, __s[3]) }.k); function l() { 'use no trace'; return () => -a; } }"
    `);
  });

  it('blocks inside blocks', () => {
    expect(
      lowered(
        `import 'onnsight'; m.session((s) => { const r = m.trace(1, () => -a); return m.trace((t) => { t.invoke(2, () => -r); }); });`,
      ),
    ).toMatchInlineSnapshot(
      `"import 'onnsight'; m.session(__o.block((s) => { const r = __o.call(__o.method(m, 'trace', __s[0]), m, [1, __o.block(() => __o.unary('-', a, __s[1]))], __s[0]); return __o.call(__o.method(m, 'trace', __s[2]), m, [__o.block((t) => { __o.call(__o.method(t, 'invoke', __s[3]), t, [2, __o.block(() => __o.unary('-', r, __s[4]))], __s[3]); }, __s[5], () => [r])], __s[2]); }));"`,
    );
  });
});

describe('the output', () => {
  it('requires the operators in CommonJS', () => {
    const code = "const { m } = require('onnsight'); m.trace(() => -a);";
    expect(transform(code, { file: 'a.cjs', id: '/a.cjs' })!.code).toMatch(
      /^const __o = require\('onnsight\/operators'\); /,
    );
  });

  it('puts itself below pragmas', () => {
    const code = "/** @jsx h */\n// @ts-check\nimport { m } from 'onnsight';\nm.trace(() => <b>{-a}</b>);\n";
    expect(transform(code, { file: 'a.tsx', id: '/a.tsx' })!.code).toMatchInlineSnapshot(`
      "/** @jsx h */
      // @ts-check
      import * as __o from 'onnsight/operators'; const __s = __o.sites("a.tsx", [4,19]); import { m } from 'onnsight';
      m.trace(__o.block(() => <b>{__o.unary('-', a, __s[0])}</b>));
      "
    `);
  });

  it('stays JavaScript in a JavaScript file', () => {
    const code = "import 'onnsight'; m.trace(() => { let x = 0; if (a) x = 1; return x; });";
    expect(lowered(code, '/a.js')).toMatchInlineSnapshot(
      `"import 'onnsight'; m.trace(__o.block(() => { let x = 0; __o.ifElse(a, (__b0) => { if (__b0) { x = 1; } }, __o.state(['x'], () => [x], (__v) => { x = __v(0); }), __s[0]); return x; }));"`,
    );
  });
});
