import { readFileSync } from 'node:fs';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import type { Original, Position } from '../compiler/original.ts';
import type { SourceMapJson } from './source-maps.ts';

/**
 * What the user wrote in `file`, if `code` is not that but what another tool has made of it, with the map `map`.
 * Null if it is the same; 'unknown' if it is another text and nothing tells which line of it came from where.
 */
export function originalOf(code: string, file: string, map: () => SourceMapJson | null): Original | null | 'unknown' {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // a file that only the bundler knows
    return null;
  }
  if (normal(text) === normal(code)) return null;
  const found = map();
  const says = found && found.mappings !== '' && !found.sourcesContent?.some((content) => content === code);
  return says ? { text, placeOf: placesBy(new TraceMap(JSON.stringify(found))) } : 'unknown';
}

function normal(text: string): string {
  return text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
}

function placesBy(map: TraceMap): Original['placeOf'] {
  return ({ line, character }: Position) => {
    // a line without a place of its own belongs to the one before
    for (let at = line; at >= 0; at--) {
      const column = at === line ? character : Number.MAX_SAFE_INTEGER;
      const place = originalPositionFor(map, { line: at + 1, column });
      if (place.line !== null) return { line: place.line - 1, character: place.column };
    }
    return { line: 0, character: 0 };
  };
}
