/** Lets a text through until one of some texts comes, which it keeps back. */
export class StopTexts {
  readonly #stops: readonly string[];
  /** What may be the beginning of one of them. */
  #held = '';
  #found = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  get found(): boolean {
    return this.#found;
  }

  /** Takes more of the text, and gives what is sure to come before any of them. */
  push(text: string): string {
    if (this.#found) return '';
    this.#held += text;
    const places = this.#stops.map((stop) => this.#held.indexOf(stop)).filter((at) => at !== -1);
    this.#found = places.length > 0;
    const end = this.#found ? Math.min(...places) : this.#held.length - this.#kept();
    const through = this.#held.slice(0, end);
    this.#held = this.#held.slice(end);
    return through;
  }

  /** What it still holds when the text has ended. */
  end(): string {
    return this.#found ? '' : this.#held;
  }

  /** How much of the end may be the beginning of one of them. */
  #kept(): number {
    const lengths = this.#stops.map((stop) => {
      for (let length = Math.min(stop.length - 1, this.#held.length); length > 0; length--) {
        if (this.#held.endsWith(stop.slice(0, length))) return length;
      }
      return 0;
    });
    return Math.max(0, ...lengths);
  }
}
