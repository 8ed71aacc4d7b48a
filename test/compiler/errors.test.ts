import { describe, expect, it } from 'vitest';
import { CompileError } from '../../compiler/diagnostics.ts';
import { transform } from '../../compiler/transform.ts';

function refusal(code: string): CompileError {
  try {
    transform(code, { file: 'src/run.ts', id: '/project/src/run.ts' });
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a compile error', () => {
  it('names the place, shows the line with a caret, and says what to do', () => {
    const error = refusal(`import { model } from 'onnsight';
model.trace(0, () => {
\tconst x = eval('1 + 1');
});`);
    expect(error).toMatchObject({ code: 'ONN1002', file: 'src/run.ts', line: 3, column: 12 });
    expect(error.format()).toMatchInlineSnapshot(`
      "src/run.ts:3:12 - error ONN1002: \`eval\` cannot be traced: its code is not there to be rewritten.

      3 | 	const x = eval('1 + 1');
          	          ^^^^

      Write the code in the block, or call a function that carries the directive 'use trace'."
    `);
  });

  it('refuses `with`', () => {
    const code = `const { model } = require('onnsight');
model.trace(0, () => { with (model) { h; } });`;
    expect(refusal(code)).toMatchObject({ code: 'ONN1001', line: 2, column: 24 });
    expect(refusal(code).format()).toMatchInlineSnapshot(`
      "src/run.ts:2:24 - error ONN1001: \`with\` cannot be traced.

      2 | model.trace(0, () => { with (model) { h; } });
                                 ^^^^^^^^^^^^^^^^^^^

      Read the members from the object itself: object.name."
    `);
  });

  it('refuses a generator as a block', () => {
    const code = `import { model } from 'onnsight';
model.trace(0, function* () { yield 1; });`;
    expect(refusal(code)).toMatchObject({ code: 'ONN1003', line: 2, column: 16 });
    expect(refusal(code).format()).toMatchInlineSnapshot(`
      "src/run.ts:2:16 - error ONN1003: A generator cannot be traced as a block.

      2 | model.trace(0, function* () { yield 1; });
                         ^^^^^^^^^^^^^^^^^^^^^^^^^

      Pass an ordinary function, and loop over the generator inside it; a function that is not a block says so with 'use no trace'."
    `);
  });

  it('refuses await in a block', () => {
    const code = `import { model } from 'onnsight';
model.trace(0, async () => {
  const ids = await fetch('/ids');
});`;
    expect(refusal(code)).toMatchObject({ code: 'ONN1006', line: 3, column: 15 });
    expect(refusal(code).format()).toMatchInlineSnapshot(`
      "src/run.ts:3:15 - error ONN1006: \`await\` cannot stand in a trace block, which only describes the graph and ends before the model runs.

      3 |   const ids = await fetch('/ids');
                        ^^^^^^^^^^^^^^^^^^^

      Await it before the trace, or await what the trace returns; a function that is not a block says so with 'use no trace'."
    `);
  });

  it('refuses an async block', () => {
    const code = `import { model } from 'onnsight';
model.trace(0, async () => save(model.output));`;
    expect(refusal(code)).toMatchObject({ code: 'ONN1007', line: 2, column: 16 });
    expect(refusal(code).format()).toMatchInlineSnapshot(`
      "src/run.ts:2:16 - error ONN1007: An async function cannot be traced as a block, which only describes the graph and ends before the model runs.

      2 | model.trace(0, async () => save(model.output));
                         ^^^^^

      Take \`async\` away, since only the trace itself is awaited; a function that is not a block says so with 'use no trace'."
    `);
  });

  it('refuses try in a block', () => {
    const code = `import { model } from 'onnsight';
model.trace(0, function () {
  if (ready) {
    try { model.output; } catch { return 1; }
  }
});`;
    expect(refusal(code)).toMatchObject({ code: 'ONN1008', line: 4, column: 5 });
    expect(refusal(code).format()).toMatchInlineSnapshot(`
      "src/run.ts:4:5 - error ONN1008: \`try\` cannot stand in a trace block: nothing that happens while the model runs could be caught there.

      4 |     try { model.output; } catch { return 1; }
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

      Put it around the trace, or into a plain function that the block calls; a function that is not a block says so with 'use no trace'."
    `);
  });

  it.each([
    ['m.trace(0, () => { await f(); })', 'ONN1006', 'await f'],
    ['m.session(async () => { for await (const x of xs) f(x); })', 'ONN1006', 'await ('],
    ['m.generate(0, async () => { await using f = g(); })', 'ONN1006', 'await using'],
    ['m.scan(0, (x = [1].map(async () => 1), y) => { try { f(); } finally { g(); } })', 'ONN1008', 'try'],
    ['m.edit(async function () {})', 'ONN1007', 'async'],
    ['m.trace((t) => { t.invoke(0, async () => {}); })', 'ONN1007', 'async'],
    ['m.trace(0, async function* () { yield 1; })', 'ONN1003', 'async'],
    ['intervention(async (x) => {})', 'ONN1007', 'async'],
  ])('finds it in %s', (code, expected, where) => {
    const found = refusal(`import m, { intervention } from 'onnsight';\n${code};`);
    expect(found).toMatchObject({ code: expected, line: 2, column: code.indexOf(where) + 1 });
  });

  it.each([
    'm.trace(0, () => { const f = async () => { try { await g(); } catch {} }; f(); })',
    'm.trace(0, () => { function* ids() { try { yield 1; } finally { h(); } } for (const id of ids()) f(id); })',
    'm.trace(0, () => { class A { async f() { await 1; } static { try { f(); } catch {} } } })',
    "m.trace('/path', async () => { 'use no trace'; await f(); })",
    "m.graph(function* () { 'use no trace'; yield 1; })",
    "async function f() { 'use trace'; try { await g(); } catch {} } m.trace(0, () => 1)",
    'async function f() { try { await m.trace(0, () => 1); } catch {} }',
  ])('leaves %s alone', (code) => {
    const file = { file: 'a.ts', id: '/a.ts' };
    expect(() => transform(`import m from 'onnsight'; ${code};`, file)).not.toThrow();
  });

  it.each([
    ["class A { ['a' + 1]() { 'use trace'; } }", 11],
    ["class A { #a() { 'use trace'; } }", 11],
    ["const a = { [b]() { 'use trace'; } };", 13],
  ])('refuses the directive in %s', (code, column) => {
    expect(refusal(code)).toMatchObject({ code: 'ONN1004', line: 1, column });
  });

  it('says so at the name of the method', () => {
    expect(refusal("class A { #a() { 'use trace'; } }").format()).toMatchInlineSnapshot(`
      "src/run.ts:1:11 - error ONN1004: The directive 'use trace' does not reach a method with a computed or private name.

      1 | class A { #a() { 'use trace'; } }
                    ^^

      Give the method a plain name, or make it a property that holds a function."
    `);
  });

  it.each([
    ['y[0, -1]', "y['0, -1']", 2],
    ["y[':', null, 3] += 1", "y[':, None, 3']", 2],
    ["y[':', i]", `y[\`:, \${i}\`], or y.select(dim, index) if the index is traced`, 2],
    ['[y[0, 1]] = [2]', "y['0, 1']", 3],
    ['y[0, 1]++', "y['0, 1']", 2],
    ['y[(i + 1, 2)] = 4', `y[\`\${i + 1}, 2\`], or y.select(dim, index) if the index is traced`, 2],
    ['y?.h[(0, -1) as any]', "y?.h['0, -1']", 5],
    ['delete y[0, 1]', "y['0, 1']", 9],
    ['super_(y[0, 1](2))', "y['0, 1']", 9],
    ['y[[0, 1], [2, -1]]', "y['[0, 1], [2, -1]']", 2],
    ["y[[i, 1], ':']", `y[\`[\${[i, 1]}], :\`], or y.select(dim, index) if the index is traced`, 2],
  ])('refuses the comma in %s', (code, right, bracket) => {
    const error = refusal(`function f(y: any, i: any) { 'use trace';\n${code}; }`);
    expect(error).toMatchObject({ code: 'ONN1009', line: 2, column: bracket + 1 });
    expect(error.remedy).toBe(`Write ${right}.`);
  });

  it('shows how to index two dimensions', () => {
    const code = "import { model } from 'onnsight';\nmodel.trace(0, () => save(model.logits[0, -1]));";
    expect(refusal(code).format()).toMatchInlineSnapshot(`
      "src/run.ts:2:40 - error ONN1009: A comma between brackets is an operator of JavaScript: all but the last part would be ignored.

      2 | model.trace(0, () => save(model.logits[0, -1]));
                                                 ^^^^^

      Write model.logits['0, -1']."
    `);
  });

  it.each([
    ['{ alpha = 1 }', 'alpha = 1', "{ alpha: { type: 'float16', default: 1 } }"],
    ['{ beta, alpha: a = [1, 2] }', 'alpha: a = [1, 2]', "{ alpha: { type: 'float16', default: [1, 2] } }"],
  ])('refuses the default of an intervention’s parameter in %s', (pattern, shown, declared) => {
    const code = `import { intervention } from 'onnsight';
intervention({ alpha: 'float16', beta: 'bool' }, (model, ${pattern}) => save(model.logits.mul(1)));`;
    const error = refusal(code);
    expect(error).toMatchObject({ code: 'ONN1010', line: 2, column: code.split('\n')[1]!.indexOf(shown) + 1 });
    expect(error.remedy).toBe(`Declare it with the parameter: ${declared}.`);
  });

  it.each([
    ['const', 'for (const x of [1, 2]) { if (x > t) continue; const x = 3; }', 'x > t'],
    ['let', 'if (x > t) return 1; let x = 2;', 'x > t'],
    ['class', 'if (new A() > t) return 1; class A {}', 'A() > t'],
  ])('refuses a %s that is used before it is declared', (_, body, shown) => {
    const code = `function f(t) { 'use trace'; ${body} return 0; }`;
    expect(refusal(code)).toMatchObject({ code: 'ONN1011', line: 1, column: code.indexOf(shown) + 1 });
  });

  it('takes one that a function uses which is called later', () => {
    const body =
      'const later = () => x; class B { v = x; } if (t > 1) return 1; let x = 2; return later() + new B().v;';
    expect(() => refusal(`function f(t) { 'use trace'; ${body} }`)).toThrow('it was accepted');
  });

  it('refuses the names of compiled code', () => {
    const code = `function f() { 'use trace'; const __s = 1; return __s; }`;
    expect(refusal(code)).toMatchObject({ code: 'ONN1005', line: 1, column: 35 });
    expect(refusal(code).format()).toMatchInlineSnapshot(`
      "src/run.ts:1:35 - error ONN1005: The name is one that compiled code uses.

      1 | function f() { 'use trace'; const __s = 1; return __s; }
                                            ^^^

      Rename it: __o and __s are taken."
    `);
  });

  it.each([
    "import { model } from 'onnsight'; const eval = 1; with_(eval); model.trace(0, () => 1);",
    "import { model } from 'onnsight'; model.trace(0, (eval: any) => eval('x'));",
    "import { model } from 'onnsight'; eval('1'); model.trace(0, () => 1);",
  ])('leaves %s alone', (code) => {
    expect(transform(code, { file: 'a.ts', id: '/a.ts' })).not.toBeNull();
  });
});
