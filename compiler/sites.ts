import type { ts } from 'ts-morph';
import type { Original } from './original.ts';

/** The sites of a file that its lowered code refers to: `__s[n]`, so that runtime errors can name line and column. */
export class Sites {
  readonly #source: ts.SourceFile;
  readonly #indices = new Map<number, number>();

  readonly #original: Original | undefined;

  constructor(source: ts.SourceFile, original: Original | undefined) {
    this.#source = source;
    this.#original = original;
  }

  at(offset: number): string {
    const index = this.#indices.get(offset) ?? this.#indices.size;
    this.#indices.set(offset, index);
    return `__s[${index}]`;
  }

  /** Lines and columns, from 1, in order of their index. */
  table(): readonly number[] {
    return [...this.#indices.keys()].flatMap((offset) => {
      const position = this.#source.getLineAndCharacterOfPosition(offset);
      const { line, character } = this.#original?.placeOf(position) ?? position;
      return [line + 1, character + 1];
    });
  }
}
