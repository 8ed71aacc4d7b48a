import remapping from '@jridgewell/remapping';

/** The plain JSON of a version 3 source map with encoded mappings. */
export interface SourceMapJson {
  version: number;
  file?: string | null | undefined;
  sourceRoot?: string | undefined;
  sources: (string | null)[];
  sourcesContent?: (string | null)[] | undefined;
  names: string[];
  mappings: string;
}

const INLINE_MAP = /\n?\/\/# sourceMappingURL=data:application\/json[^,\n]*;base64,([A-Za-z0-9+/=]+)\s*$/;

/** The map of a text that was lowered, to the user's text `original`. */
export interface InnerMap {
  map: SourceMapJson;
  original: string;
}

/**
 * Composes maps: `outer` leads from the output to lowered texts, `inner` from there to the user's, one for each source
 * of `outer`, undefined for a source that was not lowered. Paths (`file`, `sources`, `sourceRoot`) are taken from
 * `outer`, which knows where the output lies; the user's text becomes the embedded source if `outer` embeds one.
 */
export function composeMaps(outer: SourceMapJson, inner: readonly (InnerMap | undefined)[]): SourceMapJson {
  const numbers = outer.sources.map((_, i) => String(i));
  const copy = JSON.parse(JSON.stringify({ ...outer, sourceRoot: '', sources: numbers }));
  const composed = remapping(copy, (source, { depth }) => {
    const map = depth === 1 ? inner[Number(source)]?.map : undefined;
    return map ? JSON.parse(JSON.stringify({ ...map, sources: [source] })) : null;
  });
  const kept = composed.sources.map(Number);
  const contentOf = (source: number) => inner[source]?.original ?? outer.sourcesContent?.[source] ?? null;
  return {
    version: 3,
    ...(outer.file == null ? {} : { file: outer.file }),
    ...(outer.sourceRoot === undefined ? {} : { sourceRoot: outer.sourceRoot }),
    sources: kept.map((source) => outer.sources[source] ?? null),
    ...(outer.sourcesContent ? { sourcesContent: kept.map(contentOf) } : {}),
    names: composed.names,
    mappings: String(composed.mappings),
  };
}

/** Splits `code` from the base64 map in its last line; `map` is null if it carries none. */
export function splitInlineMap(code: string): { code: string; map: SourceMapJson | null } {
  const match = INLINE_MAP.exec(code);
  if (!match?.[1]) return { code, map: null };
  const map: SourceMapJson = JSON.parse(Buffer.from(match[1], 'base64').toString());
  return { code: code.slice(0, match.index), map };
}

/** `code` with `map` embedded as its last line. */
export function withInlineMap(code: string, map: SourceMapJson): string {
  const data = Buffer.from(JSON.stringify(map)).toString('base64');
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${data}`;
}
