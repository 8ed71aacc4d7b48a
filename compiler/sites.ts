import type { ts } from 'ts-morph';

/** The sites of a file that its lowered code refers to: `__s[n]`, so that runtime errors can name line and column. */
export class Sites {
  readonly #source: ts.SourceFile;
  readonly #indices = new Map<number, number>();

  constructor(source: ts.SourceFile) {
    this.#source = source;
  }

  at(offset: number): string {
    const index = this.#indices.get(offset) ?? this.#indices.size;
    this.#indices.set(offset, index);
    return `__s[${index}]`;
  }

  /** Lines and columns, from 1, in order of their index. */
  table(): readonly number[] {
    return [...this.#indices.keys()].flatMap((offset) => {
      const { line, character } = this.#source.getLineAndCharacterOfPosition(offset);
      return [line + 1, character + 1];
    });
  }
}
