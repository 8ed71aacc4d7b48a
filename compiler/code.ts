/**
 * Emitted code: a new text, a range of the source, a new text that belongs to a position of the source, or a
 * sequence of these. Lowering moves and nests code; output positions are only computed when the whole is printed.
 */
export type Code = string | Span | Standin | readonly Code[];

/** The source from `start` to `end`, as it is. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** New text that stack traces and breakpoints show at `at`; with null it has no place, and debuggers step over it. */
export interface Standin {
  readonly text: string;
  readonly at: number | null;
}

export function span(start: number, end: number): Span {
  return { start, end };
}

/**
 * The head of a closure that lowering makes. Where it always runs it has no place, as reports would count it among the
 * user's functions. Where it may not run, its place is where the
 * lines begin that reports then take for missed.
 */
export function arrow(parameters = '', at: number | null = null): Code {
  return { text: `(${parameters}) => `, at };
}

/** A call of a runtime operator, on behalf of the source at `at`. */
export function operator(name: string, at: number, values: readonly Code[]): Code {
  return [{ text: `__o.${name}`, at }, '(', joined(values), ')'];
}

/** Puts commas between; a leading line break or comment of a value stays with it. */
export function joined(values: readonly Code[]): Code {
  return values.map((value, index) => (index === 0 ? value : [', ', value]));
}

/** Whether nothing would be printed. */
export function isEmpty(code: Code): boolean {
  if (typeof code === 'string') return code === '';
  if ('text' in code) return code.text === '';
  if ('start' in code) return code.start >= code.end;
  return code.every(isEmpty);
}
