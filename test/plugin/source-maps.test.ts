import MagicString from 'magic-string';
import { expect, it } from 'vitest';
import { composeMaps, splitInlineMap, withInlineMap } from '../../plugin/source-maps.ts';

const original = 'a * b;\nc;\n';

function step(text: string, insert: string, source: string) {
  const edited = new MagicString(text).prepend(insert);
  return { code: edited.toString(), map: edited.generateMap({ hires: 'boundary', source, file: 'out.js' }) };
}

it('composes two steps under the paths of the outer one', () => {
  const inner = step(original, 'x; ', '/absolute/in.ts');
  const outer = step(inner.code, 'y; ', '../src/in.ts');
  const composed = composeMaps({ ...outer.map, sourceRoot: 'root' }, [{ map: inner.map, original }]);
  expect(composed).toMatchObject({ file: 'out.js', sourceRoot: 'root', sources: ['../src/in.ts'] });
  const direct = step(original, 'y; x; ', '../src/in.ts');
  // remapping leaves out the last segment where it only continues the one before
  expect(String(direct.map.mappings)).toContain(composed.mappings);
  expect(composed.mappings).toContain(';');
});

it('embeds the text of the user where the outer map embeds one', () => {
  const inner = step(original, 'x; ', 'in.ts');
  const outer = step(inner.code, 'y; ', 'in.ts');
  expect(composeMaps(outer.map, [{ map: inner.map, original }]).sourcesContent).toBeUndefined();
  expect(composeMaps({ ...outer.map, sourcesContent: ['x'] }, [{ map: inner.map, original }]).sourcesContent).toEqual([
    original,
  ]);
});

it('splits what it joined', () => {
  const { map } = step(original, 'x; ', 'in.ts');
  const plain = JSON.parse(JSON.stringify(map));
  expect(splitInlineMap(withInlineMap(original, plain))).toEqual({ code: original, map: plain });
  expect(splitInlineMap(original)).toEqual({ code: original, map: null });
});
