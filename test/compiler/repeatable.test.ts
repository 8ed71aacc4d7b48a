/** What a block tells of what it reads from around it, so that a recording of it can be found again. */
import { expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';

/** What stands behind the function in the call that marks it as a block; empty where that is all. */
function guards(block: string, before = 'let by = 1, steer, list; const m = {}, save = (x) => x;'): string {
  const code = `import 'onnsight'; ${before} m.trace({}, ${block});`;
  const result = transform(code, { file: 'a.ts', id: '/project/a.ts' })!.code;
  return result.match(/, __s\[\d+\], (\(\) => \[[^\]]*?\])\)+;$/)?.[1] ?? '';
}

it.each([
  ['() => save(m.a.output)', '() => [save, m]'],
  ['() => { m.a.output *= by; return save(m.b.output); }', '() => [m, by, save]'],
  ['() => { return { a: save(m.b.output), by }; }', '() => [save, m, by]'],
  ['() => save(m.a.output.add(steer.x))', '() => [save, m, steer]'],
  ['() => save(m.a.output[steer])', '() => [save, m, steer]'],
  ['() => { const s = steer; return save(m.a.output + s); }', '() => [steer, save, m]'],
  ['() => { for (let i = 0; i < by; i++) m.h[i].output *= 0; return save(m.a.output as any); }', '() => [by, m, save]'],
  ['() => [...m.h].map((h, i) => save(h.output * i))', '() => [m, save]'],
  [
    '() => { const f = (x) => x * by; return save(f(m.a.output ?? 1) ? Math.sqrt(2) : -1); }',
    '() => [by, save, m, Math.sqrt]',
  ],
  ['() => { const { a, b: [c = by, ...d] } = m; return save(a.output * c); }', '() => [by, m, save]'],
  ['() => { for (const [i, h] of list.entries()) m.h[h].output *= i; return save(m.a); }', '() => [list, m, save]'],
  ['() => list.map(([a, { b: { c } }]) => save(m[a].output * c))', '() => [list, save, m]'],
  [`() => save(m.a.output[\`:, \${by}\`])`, '() => [save, m, by]'],
  ['() => save(m.a?.output ?? m?.[by]?.(list))', '() => [save, m, by, list]'],
  ['() => ({ [by]: save(m.a.output) })', '() => [by, save, m]'],
  ['() => save(typeof by === "number" ? m.a.output : 0)', '() => [save, by, m]'],
  ['() => { if (by > 1) throw steer; return save(m.a.output); }', '() => [by, steer, save, m]'],
  [
    '() => { let i = 0; while (i < by) { i++; if (i > 2) break; } return save(m.a.output * i); }',
    '() => [by, save, m]',
  ],
  ['() => { switch (by) { case 1: return save(m.a); default: return save(m.b); } }', '() => [by, save, m]'],
  ['() => { function f(x: number): number { return x * by; } return save(f(m.a)); }', '() => [by, save, m]'],
  [
    '() => save(m.a.output * Number(by) + Object.keys(steer).length)',
    '() => [save, m, Number, by, Object.keys, steer]',
  ],
  [
    '() => { const f = <T,>(x: T): T => x; return save<number>(f<any>(m.a!.output satisfies any)); }',
    '() => [save, m]',
  ],
])('tells it of %s', (block, expected) => {
  expect(guards(block)).toBe(expected);
});

it.each([
  ['assigns', '() => { by = 2; return save(m.a.output); }'],
  ['counts', '() => { by++; return save(m.a.output); }'],
  ['assigns in a function', '() => { const f = () => { list = []; }; f(); return save(m.a.output); }'],
  ['assigns by a pattern', '() => { [by] = [1]; return save(m.a.output); }'],
  ['assigns as it goes through', '() => { for (by of m.h) save(m.a.output); }'],
  ['is a function with a this', 'function () { return save(m.a.output); }'],
  ['asks an object of the language', '() => save(m.a.output * Date.now())'],
  ['asks what the file does not declare', '() => save(m.a.output * other)'],
  ['asks for the time', '() => save(m.a.output * performance.now())'],
  ['has a this', '() => save(m.a.output * this.by)'],
  ['has functions with a this', '() => { function f() { return this; } return save(f()); }'],
  ['has functions that wait', '() => { const f = async () => m; return save(m.a.output); }'],
  ['has generators', '() => { function* f() { yield m; } return save(m.a.output); }'],
  ['declares by var', '() => { var a = m.a; return save(a.output); }'],
  ['takes over members', '() => ({ ...steer, a: save(m.a.output) })'],
  ['loads modules', '() => save(m.a.output * import("x").y)'],
  ['has tagged texts', '() => save(m.a.output * by`x`)'],
  ['has patterns', '() => save(m.a.output * /x/.lastIndex)'],
  ['does one thing after another', '() => save((by, m.a.output))'],
  ['gives nothing', '() => save(void m.a.output)'],
  ['jumps to a label', '() => { a: for (const x of list) { continue a; } return save(m.a.output); }'],
  ['stops in a debugger', '() => { debugger; return save(m.a.output); }'],
  ['makes objects of classes', '() => save(m.a.output * new Date().x)'],
  ['has methods', '() => ({ f() { return save(m.a.output); } })'],
  ['has getters', '() => ({ get f() { return save(m.a.output); } })'],
  ['deletes', '() => { delete m.a; return save(m.a.output); }'],
  ['asks for a key', '() => save("a" in m ? m.a.output : 0)'],
])('tells nothing of a block that %s', (_, block) => {
  expect(guards(block)).toBe('');
});

it('of what is given by name, where the name is declared', () => {
  const code =
    "import 'onnsight'; const m = {}; let by = 1; const f = () => m.a.output * by; m.trace({}, f); m.scan({}, () => m.a);";
  const result = transform(code, { file: 'a.ts', id: '/project/a.ts' })!.code;
  expect(result).toContain('}.f, __s[2], () => [m, by]); m.trace({}, f); m.scan({}, __o.block(() =>');
});

it('of what a block calls, and what that calls', () => {
  const code = `import 'onnsight'; const m = {}, by = 2;
    const layer = (i) => m.h[i];
    export function scaled(i) { 'use trace'; return layer(i).output * by; }
    function alone(x) { 'use trace'; return x * by; }
    m.trace({}, () => scaled(1));`;
  const result = transform(code, { file: 'a.ts', id: '/project/a.ts' })!.code;
  expect(result).toMatch(/__o\.block\(scaled, __s\[\d+\], \(\) => \[layer, by\]\); __o\.mark\(alone\);/);
  expect(result).toMatch(/}\.layer, __s\[\d+\], \(\) => \[m\]\)/);
  expect(result).toMatch(/m\.trace\({}, __o\.block\(.*, __s\[\d+\], \(\) => \[scaled\]\)\);/);
});
