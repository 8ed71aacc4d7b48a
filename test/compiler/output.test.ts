import { expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';

/** What becomes of the body of a block. */
function lowered(body: string): string {
  const code = `import 'onnsight'; m.trace(() => {\n${body}\n});`;
  const result = transform(code, { file: 'a.ts', id: '/project/a.ts' })!.code;
  return result.slice(result.indexOf('=> {') + 4, -3).trim();
}

it('the block of the language guide', () => {
  expect(
    lowered(`const layer = gpt2.transformer.h[5];
if (layer.output.norm() > 10) layer.output = layer.output * 0.5;
for (const row of layer.attn.output) mean(row);
gpt2.transformer.h[8].mlp.output[':, -1'] *= 0;
return { hidden: save(layer.output), logits: gpt2.lm_head.output.save() };`),
  ).toMatchInlineSnapshot(`
    "let __t0, __t1, __t2;
    const layer = __o.getitem(__o.member((__o.named(typeof gpt2 === 'undefined' ? null : gpt2, 'transformer', __s[0]), gpt2.transformer), 'h', __s[0]), 5, __s[0]);
    __o.ifElse(__o.binary('>', __o.call(__o.method(__t0 = __o.member(layer, 'output', __s[4]), 'norm', __s[4]), __t0, [], __s[4]), 10, __s[5]), (__b0) => { if (__b0) { __o.setitem(layer, 'output', __o.binary('*', __o.member(layer, 'output', __s[1]), 0.5, __s[2]), __s[3]); } }, null, __s[6]);
    __o.forOf(__o.member(__o.member(layer, 'attn', __s[8]), 'output', __s[8]), (row) => { __o.call(mean, undefined, [row], __s[7]); }, null, __s[9]);
    __o.setitem(__t1 = __o.member(__o.member(__o.getitem(__o.member((__o.named(typeof gpt2 === 'undefined' ? null : gpt2, 'transformer', __s[10]), gpt2.transformer), 'h', __s[10]), 8, __s[10]), 'mlp', __s[10]), 'output', __s[10]), ':, -1', __o.binary('*', __o.getitem(__t1, ':, -1', __s[10]), 0, __s[11]), __s[10]);
    return __o.fresh({ hidden: __o.call(save, undefined, [__o.member(layer, 'output', __s[12])], __s[13]), logits: __o.call(__o.method(__t2 = __o.member((__o.named(typeof gpt2 === 'undefined' ? null : gpt2, 'lm_head', __s[14]), gpt2.lm_head), 'output', __s[14]), 'save', __s[14]), __t2, [], __s[14]) });
    }"
  `);
});

it.each([
  ['operators', 'y = -a * (b + 1) === ~c;'],
  ['reads', 'y = [a[k], a[k + 1], a.length, a?.[k], a.b.c];'],
  ['writes', 'a[k] = v; a.p = v; [a[k]] = v;'],
  ['compound assignment', "x += v; a[k] -= v; f().p *= v; f()[g()] += v; a['k'] **= v; this.#p += v;"],
  ['increments', 'x++; y = x++; ++a.p; y = a[k]--; y = --x;'],
  ['logical assignment', 'x ||= v; a.p &&= v; a[f()] ||= v; x ??= v;'],
  ['logic', 'y = a && b || !c; z = (a ?? b) || c;'],
  ['conditional expressions', 'let x = 1; y = c ? { a: 1 } : (x = 2);'],
  ['calls', "list.push(a, ...b); console.log('x', a); y = Math.max(a, 0); o.f(a);"],
  ['template strings', `y = \`a\${x}b\`; z = tag\`a\${x}\`;`],
])('%s', (_, body) => {
  expect(lowered(body)).toMatchSnapshot();
});

it('gives a branch the variables that it assigns and that outlive it', () => {
  expect(
    lowered(`let x = 1, y = 2, z = 3;
const add = () => { y += 1; };
if (c) { let z = 5; x = z; z = 6; add(); }`),
  ).toMatchInlineSnapshot(`
    "let x = 1, y = 2, z = 3, __w0 = __o.variable('y', () => y, (__v) => { y = __v; });
    const add = __o.block({ add: () => { (__o.note(__w0), y = __o.binary('+', y, 1, __s[0])); } }.add);
    __o.ifElse(c, (__b0) => { if (__b0) { let z = 5; x = z; z = 6; __o.call(add, undefined, [], __s[1]); } }, __o.state(['x'], () => [x], (__v) => { x = __v(0); }), __s[2]);
    }"
  `);
});

it('tells the runtime of an assignment to a variable of another function', () => {
  const code = lowered(`let x = 1, step: any;
step = () => { x += 1; };
if (c) step();`);
  expect(code).toContain("let x = 1, step: any, __w0 = __o.variable('x', () => x, (__v) => { x = __v; });");
  expect(code).toContain("(__o.note(__w0), x = __o.binary('+', x, 1, __s[0]));");
});

it('gives a loop its counter, and not what lives in the body', () => {
  expect(lowered('let s = 0; for (let i = 0; i < n; i++) { let t = i; t += 1; s += t; }')).toMatchInlineSnapshot(`
    "let s = 0; { let i = 0; __o.while_(() => __o.binary('<', i, n, __s[2]), () => { let t = i; t = __o.binary('+', t, 1, __s[0]); s = __o.binary('+', s, t, __s[1]); }, () => { i = __o.increment(i, 1, __s[3]); }, __o.state(['i', 's'], () => [i, s], (__v) => { i = __v(0); s = __v(1); }), __s[4]); }
    }"
  `);
});

it('gives each iteration its own variable where a function needs it', () => {
  expect(lowered('for (let i = 0; i < n; i++) list.push(() => i);')).toMatchInlineSnapshot(`
    "{ let i = 0; __o.while_(() => __o.binary('<', i, n, __s[1]), () => { let __p0 = i, __c0; { let i = __p0; __c0 = (() => { __o.call(__o.method(list, 'push', __s[0]), list, [__o.block(() => i)], __s[0]); })(); __p0 = i; } i = __p0; return __c0; }, () => { i = __o.increment(i, 1, __s[2]); }, __o.state(['i'], () => [i], (__v) => { i = __v(0); }), __s[3]); }
    }"
  `);
});

it('hands a completion on, and runs the rest as its continuation', () => {
  expect(
    lowered(`if (c) return a;
let x = 0;
for (const row of h) {
  if (row > 1) break;
  x = row;
}
return x;`),
  ).toMatchInlineSnapshot(`
    "return __o.complete(__o.proceed(__o.ifElse(c, (__b0) => { if (__b0) { return __o.return_(a); } }, null, __s[0]), (__n0) => { if (__n0) {
    let x = 0;
    __o.forOf(h, (row) => {
      return __o.proceed(__o.ifElse(__o.binary('>', row, 1, __s[1]), (__b1) => { if (__b1) { return __o.BREAK; } }, null, __s[2]), (__n1) => { if (__n1) {
      x = row;
    } }, __o.state(['x'], () => [x], (__v) => { x = __v(0); }), __s[2]);}, __o.state(['x'], () => [x], (__v) => { x = __v(0); }), __s[3]);
    return __o.return_(x);
    } }, null, __s[0]));}"
  `);
});

it('leaves labels and jumps to the loops', () => {
  expect(
    lowered(`outer: for (const row of h) {
  while (row > 0) { if (c) continue outer; if (d) break; return row; }
}`),
  ).toMatchInlineSnapshot(`
    "return __o.complete(__o.forOf(h, (row) => {
      return __o.while_(() => __o.binary('>', row, 0, __s[0]), () => { return __o.proceed(__o.ifElse(c, (__b0) => { if (__b0) { return __o.jump('continue', 'outer'); } }, null, __s[1]), (__n0) => { if (__n0) { return __o.proceed(__o.ifElse(d, (__b1) => { if (__b1) { return __o.BREAK; } }, null, __s[2]), (__n1) => { if (__n1) { return __o.return_(row); } }, null, __s[2]);} }, null, __s[1]);}, null, null, __s[3]);
    }, null, __s[4], 'outer'));
    }"
  `);
});

it('moves what a function before an early end needs', () => {
  expect(
    lowered(`const show = () => total + late();
if (c) return 0;
const total = 5;
return show();
function late() { return 1; }`),
  ).toMatchInlineSnapshot(`
    "let total; function late() { return 1; } __o.mark(late);
    const show = __o.block({ show: () => __o.binary('+', total, __o.call(late, undefined, [], __s[0]), __s[1]) }.show);
    return __o.complete(__o.proceed(__o.ifElse(c, (__b0) => { if (__b0) { return __o.return_(0); } }, null, __s[2]), (__n0) => { if (__n0) {
    total = 5;
    return __o.return_(__o.call(show, undefined, [], __s[3]));

    } }, __o.state(['total'], () => [total], (__v) => { total = __v(0); }), __s[2]));}"
  `);
});

it('guards what stays native', () => {
  const code = `export async function f() { 'use trace';
  if (a) await b;
  for (const x of xs) { await x; if (c) break; }
  switch (a) { case b: await c; }
  try { if (a) return b; } finally { for (const k in o) f(k); }
  throw e;
}`;
  expect(transform(code, { file: 'a.ts', id: '/a.ts' })!.code.split('\n').slice(1)).toMatchInlineSnapshot(`
    [
      "  if (__o.plain(a, 'if around await', __s[0])) { await __o.plain(b, 'await', __s[1]); }",
      "  for (const x of __o.plain(xs, 'for…of around await', __s[2])) { await __o.plain(x, 'await', __s[3]); if (__o.plain(c, 'if with a jump inside a native construct', __s[4])) { break; } }",
      "  switch (__o.plain(a, 'switch', __s[5])) { case __o.plain(b, 'case', __s[7]): await __o.plain(c, 'await', __s[6]); }",
      "  return __o.complete(__o.proceed(__o.attempt(() => { return __o.ifElse(a, (__b0) => { if (__b0) { return __o.return_(b); } }, null, __s[8]); }, null, () => { __o.forOf(__o.keysIn(o, __s[10]), (k) => { __o.call(f, undefined, [k], __s[9]); }, null, __s[10]); }, null, __s[11]), (__n0) => { if (__n0) {",
      "  throw __o.thrown(e, __s[12]);",
      "} }, null, __s[11]));}",
    ]
  `);
});
