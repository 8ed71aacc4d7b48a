import jsTokens, { type Token } from 'js-tokens';

/* The text of a function, taken apart: enough to find what it asks of its values without the compiler. */

const SPACE = new Set<Token['type']>([
  'WhiteSpace',
  'LineTerminatorSequence',
  'MultiLineComment',
  'SingleLineComment',
  'HashbangComment',
]);

/** The words, numbers, texts and signs of a function, without spaces and comments; of a template what stands in its `${…}`. */
export function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  for (const { type, value } of jsTokens(text)) {
    if (SPACE.has(type)) continue;
    // what is filled into a template stands as an argument does
    if (type === 'NoSubstitutionTemplate') tokens.push('``');
    else if (type === 'TemplateHead') tokens.push('``', '+', '(');
    else if (type === 'TemplateMiddle') tokens.push(')', '+', '(');
    else if (type === 'TemplateTail') tokens.push(')');
    else tokens.push(value);
  }
  return tokens;
}

export function isName(token: string | undefined): token is string {
  return token !== undefined && /^[\p{ID_Start}$_]/u.test(token) && !WORDS.has(token);
}

const WORDS = new Set(
  'break case catch class const continue debugger default delete do else export extends false finally for function if import in instanceof let new null return super switch this throw true try typeof var void while with yield async await of get set static undefined NaN Infinity'.split(
    ' ',
  ),
);

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** Where the bracket closes that opens at `at`. */
export function closing(tokens: readonly string[], at: number): number {
  let depth = 0;
  for (let i = at; i < tokens.length; i++) {
    if (tokens[i]! in CLOSING) depth++;
    else if (isClosing(tokens[i]!) && --depth === 0) return i;
  }
  return tokens.length;
}

/** Where the bracket opens that closes at `at`. */
export function opening(tokens: readonly string[], at: number): number {
  let depth = 0;
  for (let i = at; i >= 0; i--) {
    if (isClosing(tokens[i]!)) depth++;
    else if (tokens[i]! in CLOSING && --depth === 0) return i;
  }
  return 0;
}

export function isClosing(token: string): boolean {
  return token === ')' || token === ']' || token === '}';
}

/** Tokens divided where one of some signs stands outside of brackets. */
export function divided(tokens: readonly string[], signs: ReadonlySet<string>): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  for (let i = 0; i < tokens.length; i++) {
    const end = tokens[i]! in CLOSING ? closing(tokens, i) : i;
    if (end > i) parts.at(-1)!.push(...tokens.slice(i, end + 1));
    else if (signs.has(tokens[i]!)) parts.push([]);
    else parts.at(-1)!.push(tokens[i]!);
    i = end;
  }
  return parts;
}
