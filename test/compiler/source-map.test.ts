import { SourceMap, type SourceMapping } from 'node:module';
import { describe, expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';

const CODE = `#!/usr/bin/env node
'use strict'
// A comment.
import { model } from 'onnsight';

export const run = () => model.trace(0, (tracer: unknown) => {
  const layer = model.h[5]; // layer
  if (layer.output > 10) {
    layer.output = layer.output
      // halved
      * 0.5;
    return layer;
  }
  for (let i = 0; i < 3; i++) layer.output[':, -1'] += i;
  return layer.input; /* end */
});
after();
`;

const { code, map } = transform(CODE, { file: 'src/run.ts', id: '/project/src/run.ts' })!;
const traced = new SourceMap(JSON.parse(map.toString()));

/** Where the `nth` occurrence of a piece of lowered text comes from, as the original text from there on. */
function originOf(text: string, nth = 0): string {
  let index = -1;
  for (let i = 0; i <= nth; i++) index = code.indexOf(text, index + 1);
  if (index < 0) throw new Error(`${text} is not in the output`);
  const before = code.slice(0, index).split('\n');
  const entry = traced.findEntry(before.length - 1, before.at(-1)!.length) as SourceMapping;
  return CODE.split('\n')[entry.originalLine]!.slice(entry.originalColumn);
}

describe('the source map', () => {
  it('names the file and holds its text', () => {
    expect(map.sources).toEqual(['/project/src/run.ts']);
    expect(map.sourcesContent).toEqual([CODE]);
  });

  it.each([
    ['layer = __o', 'layer = model.h[5]'],
    ['__o.getitem(', 'model.h[5]'],
    ['__o.ifElse(', 'if (layer'],
    ['if (__b0)', 'if (layer'],
    ["__o.binary('>'", '> 10'],
    ["__o.setitem(layer, 'output'", 'layer.output = layer.output'],
    ["__o.binary('*'", '* 0.5'],
    ['0.5', '0.5;'],
    ['__o.return_(layer', 'return layer;'],
    ['__o.while_(', 'for (let i'],
    ["__o.binary('<'", '< 3'],
    ['__o.increment(', '++) layer'],
    ["__o.binary('+'", '+= i'],
    ["__o.member(layer, 'input'", 'layer.input; /* end */'],
    ['after()', 'after();'],
  ])('leads from %s to %s', (text, original) => {
    expect(originOf(text).startsWith(original)).toBe(true);
  });

  it('maps every word that is still there to the same word', () => {
    const originals = CODE.split('\n');
    let words = 0;
    code.split('\n').forEach((line, index) => {
      for (const match of line.matchAll(/\w+/g)) {
        const entry = traced.findEntry(index, match.index) as SourceMapping;
        if (entry.generatedLine !== index || entry.generatedColumn !== match.index || match[0] === '__o') continue;
        words++;
        const original = originals[entry.originalLine]!.slice(entry.originalColumn);
        expect(original.startsWith(match[0]), `${match[0]} in line ${index + 1}`).toBe(true);
      }
    });
    expect(words).toBeGreaterThan(50);
  });

  it('keeps every line on its line, and what stands at the top at the top', () => {
    const lines = code.split('\n');
    expect(lines.slice(0, 3)).toEqual([
      '#!/usr/bin/env node',
      expect.stringMatching(/^'use strict'; import \* as __o from 'onnsight\/operators'; const __s = /),
      '// A comment.',
    ]);
    expect(lines[13]).toContain('__o.while_(');
    expect(lines[15]).toMatch(/^}/);
    expect(lines[16]).toBe('after();');
    expect(lines).toHaveLength(CODE.split('\n').length);
  });

  it('gives operators the places of their operands', () => {
    const table = /__o\.sites\("src\/run\.ts", (\[[\d,]*\])\)/.exec(code)![1]!;
    const pairs = JSON.parse(table) as number[];
    const places = Array.from({ length: pairs.length / 2 }, (_, i) =>
      CODE.split('\n')[pairs[2 * i]! - 1]!.slice(pairs[2 * i + 1]! - 1),
    );
    expect(places).toContainEqual(expect.stringMatching(/^> 10/));
    expect(places).toContainEqual(expect.stringMatching(/^\* 0\.5/));
    expect(places).toContainEqual(expect.stringMatching(/^layer\.output\[':, -1'\]/));
    expect(places).toContainEqual(expect.stringMatching(/^if \(/));
  });
});
