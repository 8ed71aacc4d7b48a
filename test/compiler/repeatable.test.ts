/** What a block tells of what it reads from around it, so that a recording of it can be found again. */
import { expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';

/** What stands behind the function in the call that marks it as a block; empty where that is all. */
function guards(block: string, before = 'let by = 1, steer, list; const m = {}, save = (x) => x;'): string {
  const code = `import 'onnsight'; ${before} m.trace({}, ${block});`;
  const result = transform(code, { file: 'a.ts', id: '/project/a.ts' })!.code;
  return result.match(/, __s\[\d+\], (\(\) => \[.*?\], \d+)\)+;$/)?.[1] ?? '';
}

it.each([
  ['() => save(m.a.output)', '() => [save, m], 0'],
  ['() => { m.a.output *= by; return save(m.b.output); }', '() => [by, m, save], 1'],
  ['() => { m.a.output = steer; return { a: save(m.b.output) }; }', '() => [steer, m, save], 1'],
  ['() => save(m.a.output.add(steer, by))', '() => [steer, by, save, m], 2'],
  ['() => save(m.a.output.add(steer.x))', '() => [save, m, steer], 0'],
  ['() => save(m.a.output[steer])', '() => [save, m, steer], 0'],
  ['() => { const s = steer; return save(m.a.output + s); }', '() => [steer, save, m], 0'],
  [
    '() => { for (let i = 0; i < by; i++) m.h[i].output *= 0; return save(m.a.output as any); }',
    '() => [by, m, save], 0',
  ],
  ['() => [...m.h].map((h, i) => save(h.output * i))', '() => [m, save], 0'],
  [
    '() => { const f = (x) => x * by; return save(f(m.a.output ?? 1) ? Math.sqrt(2) : -1); }',
    '() => [by, save, m, Math], 1',
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
  ['has a tracer', '(tracer) => save(m.a.output)'],
  ['is a function with a this', 'function () { return save(m.a.output); }'],
  ['asks an object of the language', '() => save(m.a.output * Date.now())'],
  ['asks what the file does not declare', '() => save(m.a.output * other)'],
  ['makes objects of classes', '() => save(m.a.output * new Date().x)'],
  ['takes apart', '() => { const { a } = m; return save(a.output); }'],
  ['has texts with values', `() => save(m.get(\`h.\${by}\`).output)`],
  ['asks perhaps', '() => save(m.a?.output)'],
  ['has methods', '() => ({ f() { return save(m.a.output); } })'],
  ['has getters', '() => ({ get f() { return save(m.a.output); } })'],
  ['has names that are computed', '() => ({ [by]: save(m.a.output) })'],
  ['deletes', '() => { delete m.a; return save(m.a.output); }'],
  ['asks for a kind', '() => save(typeof by === "number" ? m.a.output : 0)'],
  ['asks for a key', '() => save("a" in m ? m.a.output : 0)'],
  ['throws', '() => { if (by > 1) throw by; return save(m.a.output); }'],
  ['loops while', '() => { while (by > 1) save(m.a.output); }'],
])('tells nothing of a block that %s', (_, block) => {
  expect(guards(block)).toBe('');
});

it('of what is given by name, where the name is declared', () => {
  const code =
    "import 'onnsight'; const m = {}; let by = 1; const f = () => m.a.output * by; m.trace({}, f); m.scan({}, () => m.a);";
  const result = transform(code, { file: 'a.ts', id: '/project/a.ts' })!.code;
  expect(result).toContain('}.f, __s[2], () => [by, m], 1); m.trace({}, f); m.scan({}, __o.block(() =>');
});
