/* The text of a function, taken apart: enough to find what it asks of its values without the compiler. */

const SPACE = /(?:\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const WORD = /#?[\p{ID_Start}$_][\p{ID_Continue}$]*/uy;
const NUMBER = /\.?\d(?:[\w.]|(?<=[eE])[+-])*/y;
const TEXT = /"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'/y;
const PATTERN = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const SIGN =
  /\?\?=|&&=|\|\|=|===|!==|\.\.\.|\?\.(?!\d)|=>|==|!=|<=|>=|\?\?|&&|\|\||\+\+|--|\*\*=?|<<=?|>>>?=?|[-+*/%&|^]=|[\s\S]/y;

/** Words behind which an expression begins. */
const BEFORE_EXPRESSION = new Set(
  'return case throw typeof void delete in of instanceof new else do await yield'.split(' '),
);

/** The words, numbers, texts and signs of a function, without spaces and comments; of a template what stands in its `${…}`. */
export function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  /** The brackets that are open: true for one of a template, behind which the template goes on. */
  const open: boolean[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  while (at < text.length) {
    if (take(SPACE) !== null) continue;
    const isPattern = text[at] === '/' && beginsExpression(tokens.at(-1));
    const token = take(TEXT) ?? (isPattern ? take(PATTERN) : null) ?? take(NUMBER) ?? take(WORD) ?? take(SIGN)!;
    if (token === '`' || (token === '}' && open.pop())) {
      if (token === '}') tokens.push(')');
      at = endOfPart(text, at);
      const isOver = text[at - 1] === '`' || at >= text.length;
      // what is filled in stands as an argument does
      tokens.push(...(token === '`' ? ['``'] : []), ...(isOver ? [] : ['+', '(']));
      if (!isOver) open.push(true);
      continue;
    }
    if (token === '{') open.push(false);
    tokens.push(token);
  }
  return tokens;
}

/** Whether a `/` behind a token begins a pattern, and does not divide. */
function beginsExpression(before: string | undefined): boolean {
  if (before === undefined || BEFORE_EXPRESSION.has(before)) return true;
  return !/^[\w$#\p{L}"'`)\]}]/u.test(before);
}

/** Where the text of a template ends that goes on at `at`: behind its last quote, or behind the next `${`. */
function endOfPart(text: string, at: number): number {
  for (let i = at; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '`') return i + 1;
    else if (text[i] === '$' && text[i + 1] === '{') return i + 2;
  }
  return text.length;
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
