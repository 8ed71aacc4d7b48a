import { SourceMap, type SourceMapSegment } from 'magic-string';
import type { Code } from './code.ts';

/** The finished text and its map: every word of the source that is still there maps to its exact place. */
export function print(code: Code, source: string, id: string): { code: string; map: SourceMap } {
  const printer = new Printer(source);
  printer.add(code);
  const { text, mappings } = printer;
  return { code: text, map: new SourceMap({ file: id, sources: [id], sourcesContent: [source], names: [], mappings }) };
}

class Printer {
  readonly mappings: SourceMapSegment[][] = [[]];
  readonly #source: string;
  readonly #lineStarts: readonly number[];
  readonly #pieces: string[] = [];
  #column = 0;

  constructor(source: string) {
    this.#source = source;
    this.#lineStarts = [0, ...Array.from(source.matchAll(/\n/g), (match) => match.index + 1)];
  }

  get text(): string {
    return this.#pieces.join('');
  }

  add(code: Code): void {
    if (typeof code === 'string') this.#write(code);
    else if ('text' in code) {
      if (code.at === null) this.mappings.at(-1)!.push([this.#column]);
      else this.#map(code.at);
      this.#write(code.text);
    } else if ('start' in code) this.#copy(code.start, code.end);
    else for (const part of code) this.add(part);
  }

  #copy(start: number, end: number): void {
    for (const word of this.#source.slice(start, end).matchAll(/\w+|\s+|[^\w\s]/g)) {
      this.#map(start + word.index);
      this.#write(word[0]);
    }
  }

  #write(text: string): void {
    this.#pieces.push(text);
    const lines = text.split('\n');
    for (let i = 1; i < lines.length; i++) this.mappings.push([]);
    this.#column = (lines.length > 1 ? 0 : this.#column) + lines.at(-1)!.length;
  }

  #map(offset: number): void {
    const line = this.#lineOf(offset);
    this.mappings.at(-1)!.push([this.#column, 0, line, offset - this.#lineStarts[line]!]);
  }

  #lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
